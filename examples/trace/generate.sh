#!/bin/sh
# Makes the *.tars.go files of this folder from trace.tars.
set -eu
rm -f ./*.tars.go
go tool -modfile=../../tools/go.mod tars2go -outdir=.. trace.tars
