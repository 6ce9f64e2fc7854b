package sweep

import "testing"

// TestProtectionNamesWhoSweeps: only the replica that sweeps knows of protection,
// so every one tells which that is.
func TestProtectionNamesWhoSweeps(t *testing.T) {
	simulate(t, func(t *testing.T, w *world) {
		w.object("A", 1)
		w.run(settled)
		if p := w.sweeper.Protection(); !p.Sweeping || p.Sweeper != "me" {
			t.Errorf("the one that sweeps says %+v", p)
		}
		w.holder = "other"
		w.run(settled)
		if p := w.sweeper.Protection(); p.Sweeping || p.Sweeper != "other" {
			t.Errorf("another one says %+v", p)
		}
	})
}
