#!/bin/bash
# The registry is started without a supervisor: it registers itself.
set -e
tarscli genconf
exec "$TARS_PATH/bin/tarsregistry" --config="$TARS_PATH/conf/tarsregistry.conf"
