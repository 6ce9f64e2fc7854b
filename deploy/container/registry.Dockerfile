# The registry: a static binary on nothing else, not root. It writes only to
# --data-dir, so that the root file system can be read-only.
#
#   docker build -f deploy/container/registry.Dockerfile -t tars-registry .
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X main.version=${VERSION}" -o /out/registry ./cmd/registry \
 && CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/tarscli ./cmd/tarscli \
 && mkdir -p /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/registry /out/tarscli /usr/local/bin/
COPY --from=build --chown=65532:65532 /out/data /data
ENV PATH=/usr/local/bin REGISTRY_DATA_DIR=/data TARS_PATH=/data
USER 65532:65532
VOLUME /data
EXPOSE 17890 17891 17892 17893
ENTRYPOINT ["registry"]
