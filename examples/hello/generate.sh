#!/bin/sh
# Makes the *.tars.go files of this folder from hello.tars.
set -eu
rm -f ./*.tars.go
go tool -modfile=../../tools/go.mod tars2go -without-trace -outdir=.. hello.tars
