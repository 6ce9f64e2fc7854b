#!/bin/bash
# tarscli supervisor runs this when the configuration is there. exec: signals go
# to the server itself.
exec "$TARS_PATH/bin/HelloServer" --config="$TARS_PATH/conf/HelloServer.conf"
