#!/bin/sh
# Makes the *.tars.go files of this folder from the definitions beside them.
set -eu
rm -f ./*.tars.go
go tool -modfile=../tools/go.mod tars2go -without-trace -add-servant=false -outdir=.. pod.tars query.tars node.tars
for name in pod query node; do mv "$name.go" "$name.tars.go"; done
