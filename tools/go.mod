module github.com/tarsregistry/tarsregistry/tools

go 1.26.0

tool github.com/TarsCloud/TarsGo/tars/tools/tars2go

require github.com/TarsCloud/TarsGo/tars/tools/tars2go v1.2.4 // indirect
