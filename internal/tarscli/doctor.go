package tarscli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/tarsregistry/tarsregistry/internal/doctor"
	"github.com/tarsregistry/tarsregistry/internal/tarsclient"
)

func (c *cli) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Examine this pod and say what to change",
		Long: `doctor looks at the pod's variables, address, identity, files, configuration,
registration and way to the registry, does the arithmetic of its grace period,
and says for everything it finds what to change. It changes nothing itself.

Exit code 0 means that nothing keeps the pod from working; there may be
warnings. 1 means that there is a PROBLEM.`,
		Example: `  kubectl exec my-pod -- tarscli doctor`,
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.doctor(cmd) },
	}
}

func (c *cli) doctor(cmd *cobra.Command) error {
	findings := doctor.Examine(cmd.Context(), c.Lookup, &tarsclient.Dialer{Timeout: 3 * time.Second})
	if err := findings.Print(c.Stdout); err != nil {
		return err
	}
	if findings.Worst() == doctor.Problem {
		return &exit{code: exitFailed}
	}
	return nil
}
