# A slim base for images of servers: bash and coreutils, which start.sh scripts
# expect, and tarscli. It is examples/base/Dockerfile for servers that are not root:
# a container file on it that installs packages says USER root first. An image of
# your own base takes the static binary instead:
#
#   COPY --from=tars-base /usr/local/bin/tarscli /usr/local/bin/tarscli
#
#   docker build -f deploy/container/tarscli.Dockerfile -t tars-base .
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /tarscli ./cmd/tarscli

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 65532 --user-group --home-dir /tars tars \
 && mkdir -p /tars/bin /tars/conf /tars/data /tars/log \
 && chown -R tars:tars /tars
COPY --from=build /tarscli /usr/local/bin/tarscli
ENV TARS_PATH=/tars
WORKDIR /tars
USER 65532:65532
CMD ["tarscli", "supervisor"]
