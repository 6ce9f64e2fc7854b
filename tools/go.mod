module github.com/tarsregistry/tarsregistry/tools

go 1.26.0

tool (
	github.com/TarsCloud/TarsGo/tars/tools/tars2go
	golang.org/x/perf/cmd/benchstat
)

require (
	github.com/TarsCloud/TarsGo/tars/tools/tars2go v1.2.4 // indirect
	github.com/aclements/go-moremath v0.0.0-20210112150236-f10218a38794 // indirect
	golang.org/x/perf v0.0.0-20250813145418-2f7363a06fe1 // indirect
)
