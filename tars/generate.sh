#!/bin/sh
# Makes the *.tars.go files of this folder from the definitions beside them.
set -eu
rm -f ./*.tars.go
go tool -modfile=../tools/go.mod tars2go -without-trace -add-servant=false -outdir=.. pod.tars query.tars node.tars
# tars2go asks for the stringer of an enum, a program that we do not need.
for name in pod query node; do
	grep -v '^//go:generate' "$name.go" >"$name.tars.go"
	rm "$name.go"
done
