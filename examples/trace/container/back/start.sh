#!/bin/bash
# tarscli supervisor runs this when the configuration is there. exec: signals go
# to the server itself.
exec "$TARS_PATH/bin/TarsTraceBackServer" --config="$TARS_PATH/conf/TarsTraceBackServer.conf"
