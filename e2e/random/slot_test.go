package random

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tarsregistry/tarsregistry/tars"
)

// application is that of all pods.
const application = "Random"

// identity is what a pod says of itself; kind "": an old one, which says nothing.
type identity struct{ uid, kind string }

// slot is a place for an instance, and what the model knows of it: what the tables
// must say once all is at rest.
type slot struct {
	server, node string

	// doubt is odd while something is under way beside the slot's pod that may end
	// it: what a heartbeat is told then says little.
	doubt atomic.Int64

	// mu is held by the pod during its calls, which it makes one after the other as
	// our supervisor does, and guards what follows.
	mu       sync.Mutex
	identity identity
	sequence int64 // of reports, for those that have an identity
	alive    bool  // it beats
	state    string

	// What the tables must say.
	registered   bool
	registration *tars.OnStartupReq
	setting      string // active, or inactive by TarsWeb
	flowOffBy    string // pod, operator
	template     string
	serverType   string
	bak          int
}

func (s *slot) key() string { return application + "." + s.server + "@" + s.node }

// context is what goes with the calls of the slot's pod.
func (s *slot) context() map[string]string { return s.identity.context(s.sequence) }

func (i identity) context(sequence int64) map[string]string {
	if i.kind == "" {
		return map[string]string{}
	}
	return map[string]string{
		"tars-pod-uid": i.uid, "tars-pod-kind": i.kind,
		"tars-beat-ms": fmt.Sprint(beatInterval.Milliseconds()), "tars-seq": fmt.Sprint(sequence),
	}
}

// onStartup is what an acknowledged registration does.
func (s *slot) onStartup(r *tars.OnStartupReq, who identity) {
	if !s.registered || who != s.identity {
		s.flowOffBy = "" // it ends with the instance (R12)
	}
	if !s.registered {
		s.template, s.serverType, s.bak = "", "tars_cpp", 0
	}
	s.registered, s.registration, s.identity = true, r, who
	s.alive, s.state, s.setting = true, r.State, "active"
	if r.TemplateName != "" {
		s.template = r.TemplateName
	}
	if r.ServerType != "" {
		s.serverType = r.ServerType
	}
	if s.flowOffBy != "operator" {
		s.flowOffBy = ""
		if r.DisableFlow {
			s.flowOffBy = "pod"
		}
	}
}

// gone is what leaving, being deregistered and making room do.
func (s *slot) gone() { s.registered, s.alive = false, false }

// restored is what a heartbeat does after the rows had been deleted (R13): what
// the registration says, and nothing that others had written.
func (s *slot) restored() {
	s.setting, s.bak, s.template, s.serverType = "active", 0, s.registration.TemplateName, "tars_cpp"
	if s.registration.ServerType != "" {
		s.serverType = s.registration.ServerType
	}
}

// present is the column present_state once all is at rest.
func (s *slot) present() string {
	if !s.alive {
		return "inactive"
	}
	return s.state
}

// serving says that clients get it as active.
func (s *slot) serving() bool {
	return s.registered && s.setting == "active" && s.present() == "active" && s.flowOffBy == "" && s.bak != 1
}

func (s *slot) serverRow() string {
	set, enable := make([]string, 3), "N"
	if s.registration.SetID != "" {
		set, enable = strings.Split(s.registration.SetID, "."), "Y"
	}
	flow := "active"
	if s.flowOffBy != "" {
		flow = "inactive"
	}
	return line(application, s.server, s.node, s.setting, s.present(), s.registration.Version, enable,
		set[0], set[1], set[2], s.template, s.serverType, flow, s.bak)
}

func (s *slot) adapterRows() (rows []string) {
	for _, a := range s.registration.Adapters {
		rows = append(rows, line(application, s.server, s.node, a.Servant+"Adapter", a.Servant, a.Endpoint, a.Protocol,
			a.ThreadNum, a.MaxConns, a.QueueCap, a.QueueTimeout))
	}
	return rows
}

// line is a row as function rows gives it.
func line(columns ...any) string {
	var b strings.Builder
	for _, column := range columns {
		fmt.Fprintf(&b, "%v|", column)
	}
	return b.String()
}

// clone is a registration that may be changed.
func clone(r *tars.OnStartupReq) *tars.OnStartupReq {
	c := *r
	c.Adapters = slices.Clone(r.Adapters)
	return &c
}
