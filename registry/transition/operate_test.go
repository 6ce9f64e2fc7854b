package transition

import (
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func TestR12Flow(t *testing.T) {
	off := func(tx *tables) bool { return tx.Instance(key("One")).FlowOff() }
	start := func(t *testing.T, tx *tables, caller Caller, disable bool) {
		t.Helper()
		r := registration(t, "One", "1000")
		r.DisableFlow = disable
		tx.register(t, r, caller)
	}
	flow := func(t *testing.T, tx *tables, on bool) {
		t.Helper()
		if _, err := Flow(tx, key("One"), on, "test", "operator"); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("the pod's own", func(t *testing.T) {
		tx := newTables()
		start(t, tx, podA, true)
		if !off(tx) {
			t.Error("disableFlow did not turn the flow off")
		}
		start(t, tx, podA, false)
		if off(tx) {
			t.Error("the pod could not turn its flow on again")
		}
	})
	t.Run("the operator's", func(t *testing.T) {
		tx := newTables()
		start(t, tx, podA, false)
		flow(t, tx, false)
		start(t, tx, podA, false)
		if !off(tx) {
			t.Error("the operator's off did not survive re-registration")
		}
		start(t, tx, podB, false)
		if off(tx) {
			t.Error("the operator's off did not end with the instance")
		}
	})
	t.Run("set in the table by another program", func(t *testing.T) {
		tx := newTables()
		start(t, tx, podA, false)
		tx.instances[key("One").Fold()].Server.FlowState = naming.Inactive
		start(t, tx, podA, false)
		if !off(tx) {
			t.Error("TarsWeb's off did not survive re-registration")
		}
	})
	t.Run("without the column", func(t *testing.T) {
		tx := newTables()
		start(t, tx, podA, true)
		tx.instances[key("One").Fold()].Server.FlowState = ""
		if !off(tx) {
			t.Error("where the table has no flow_state the lease must hold it")
		}
	})
}

func TestR13DeregisteredStaysAway(t *testing.T) {
	tx := newTables()
	tx.register(t, registration(t, "One", "1000"), podA)
	if _, err := Deregister(tx, key("One"), "", "operator"); err != nil {
		t.Fatal(err)
	}
	if got := rules.Report(tx, key("One"), naming.Active, podA); got.Action != Left {
		t.Errorf("the deregistered pod is told %q, want left", got.Action)
	}
}

func TestR14Metrics(t *testing.T) {
	tx := newTables()
	if got := Metrics(tx, key("One"), 0, podA).Action; got != Register {
		t.Errorf("an unknown instance is told %q, want register", got)
	}
	tx.register(t, registration(t, "One", "1000"), podA)
	Metrics(tx, key("One"), 0, podA)
	tx.register(t, registration(t, "One", "1000"), podA)
	if got := tx.Instance(key("One")).Lease.MetricsPort; got != 9325 {
		t.Errorf("after port 0 and re-registration the port is %d, want 9325", got)
	}
}
