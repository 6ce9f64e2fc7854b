package tarscli

import "github.com/spf13/cobra"

// variablesTopic is help without a command.
func variablesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "variables",
		Short: "The environment variables that set tarscli up",
		Long: `Durations have a unit: 500ms, 30s, 5m, 1d. A value that can't be read stops
tarscli, which names the variable.

The pod
  TARS_PATH                   /tars: everything is under it
  POD_IP                      the pod's address and its node name (fieldRef status.podIP)
  POD_UID, TARS_POD_UID       the pod's identity (fieldRef metadata.uid)
  TARS_HOST_IP                the machine's address (fieldRef status.hostIP)
  TARS_NAMESPACE              tars-system: ${namespace} in the locator
  TARS_RAND_PORT_MIN, _MAX    13000, 16000: the range of ${random_port}
  TARS_WORKER_ID              a number unique among the server's pods, or auto to lease
                              one from the registry; ${worker_id} in the configuration

The configuration; what is not set here is looked for in bin/_server_meta.yaml
  TARS_APPLICATION, TARS_SERVER, TARS_SET_ID, TARS_LOCATOR
  TARS_BUILD_SERVER           TARS_SERVER: name of the configuration file
  TARS_MERGE_CONF             a configuration to lay over the generated one
  TARS_EP_UPTIME              10s: the refresh-endpoint-interval; a bare number is ms

supervisor, hzcheck, prestop
  TARS_START_PATH             $TARS_PATH/bin/start.sh: the command that starts the server
  TARS_STOP_PATH              the command that stops it; default: its AdminObj, signals
  TARS_REPORT_INTERVAL        30s: heartbeats
  TARS_CHECK_INTERVAL         10s: health checks
  TARS_CHECK_RETRY_TIMEOUT    5s: how long checks fail before the state is inactive
  TARS_BEFORE_CHECK_SCRIPT    a command to run before every check
  TARS_CHECK_SCRIPT_TIMEOUT   2s
  TARS_ACTIVATING_TIMEOUT     300s
  TARS_DISABLE_FLOW           any value: register without traffic
  TARS_PRESTOP_WAITTIME       80s: the longest wait for clients before a stop
  TARS_GRACE_PERIOD           the manifest's terminationGracePeriodSeconds; the wait is
                              cut to fit into it
  TARS_MAX_RESTARTS           crashes in a row before the container ends; 0: no limit
  TARS_PROBE_PORT             HTTP port of /readyz and /healthz; 0: none
  TARS_OUTPUT_LOG             any value: keep the server's output in $TARS_PATH/log too
  SERVER_VERSION              reported as the server's version

notify, and calls to the registry
  TARS_ADMIN_ENDPOINT         whom notify tells, if not the pod's own server
  TARS_TOKEN                  the secret that the registry or an AdminObj wants
  TARS_REGISTRY_API           where the registry's HTTP port is, for the operator's
                              commands (http://127.0.0.1:17893)

syncdir
  TARS_SYNC_DIRECTORY         where the files are mounted
  TARS_SYNC_TARGET_DIRECTORY  $TARS_PATH/bin`,
	}
}
