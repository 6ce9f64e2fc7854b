#!/bin/bash
# tarscli supervisor runs this when the configuration is there. exec: signals go
# to the server itself.
exec python3 "$TARS_PATH/bin/server.py" "$TARS_PATH/conf/WebServer.conf"
