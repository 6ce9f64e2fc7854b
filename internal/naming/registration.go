package naming

import (
	"fmt"
	"slices"
	"strings"
)

// MaxAdapters is how many adapters one instance may have: far more than any
// server has, few enough to bound a transaction.
const MaxAdapters = 256

// Registration is what a pod says of an instance when it starts (onStartup). It
// is kept with the lease, so that an instance can be restored (R5).
type Registration struct {
	Key          Key
	SetID        string // name.area.group, "" for none
	Adapters     []Adapter
	DisableFlow  bool
	State        State
	Version      string
	TemplateName string // "": the default on insert, unchanged on update (R11)
	ServerType   string // "": likewise
}

// Normalize checks every value against the rules of the tables and the wire
// (R8, R11, R15) and brings it into the form that is stored: trailing blanks
// cut, the default state and protocol filled in, adapters named. The first value
// that breaks a rule is returned as an *InvalidError with the wire's field name.
func (r *Registration) Normalize() error {
	if err := NormalizeKey(&r.Key); err != nil {
		return err
	}
	state, err := ParseReported("State", string(r.State))
	if err != nil {
		return err
	}
	r.State = state
	if _, err := ParseSetID(r.SetID); err != nil {
		return err
	}
	if err := checkText("Version", r.Version, maxVersion); err != nil {
		return err
	}
	if err := checkText("templateName", r.TemplateName, maxTemplate); err != nil {
		return err
	}
	if r.ServerType != "" && !validServerType(r.ServerType) {
		return invalid("serverType", "is %s; it must be one of %s", quote(r.ServerType), strings.Join(serverTypes(), ", "))
	}
	return r.normalizeAdapters()
}

func (r *Registration) normalizeAdapters() error {
	if len(r.Adapters) > MaxAdapters {
		return invalid("adapters", "has %d entries; at most %d are allowed", len(r.Adapters), MaxAdapters)
	}
	seen := make(map[string]bool, len(r.Adapters))
	for i := range r.Adapters {
		adapter := &r.Adapters[i]
		field := fmt.Sprintf("adapters[%d].", i)
		if err := adapter.normalize(field, r.Key); err != nil {
			return err
		}
		name := Fold(adapter.Name)
		if seen[name] {
			return invalid(field+"servant", "%s is there twice", quote(adapter.Servant))
		}
		seen[name] = true
	}
	slices.SortFunc(r.Adapters, func(a, b Adapter) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

func (a *Adapter) normalize(field string, key Key) error {
	if err := checkServant(field+"servant", a.Servant, key); err != nil {
		return err
	}
	a.Name = a.Servant + "Adapter"
	if err := checkEndpoint(field+"endpoint", a.Endpoint); err != nil {
		return err
	}
	if a.Protocol == "" {
		a.Protocol = "tars"
	}
	if err := checkName(field+"protocol", a.Protocol, maxProtocol, isNameRune); err != nil {
		return err
	}
	for _, number := range []struct {
		name  string
		value int32
	}{
		{"maxConns", a.MaxConnections}, {"threadNum", a.ThreadNum},
		{"queueCap", a.QueueCap}, {"queueTimeout", a.QueueTimeout},
	} {
		if number.value < 0 {
			return invalid(field+number.name, "is %d; it must not be negative", number.value)
		}
	}
	return nil
}

// unreachable tells a host that no client could connect to.
func unreachable(host string) bool {
	host = strings.Trim(host, "[]")
	return host == "0.0.0.0" || host == "::"
}

func checkEndpoint(field, text string) error {
	if err := checkText(field, text, maxEndpoint); err != nil {
		return err
	}
	endpoint, err := ParseEndpoint(text)
	if err != nil {
		return invalid(field, "cannot be read: %v", err)
	}
	if err := checkName(field+" host (-h)", endpoint.Host, maxEndpoint, isHostRune); err != nil {
		return err
	}
	if unreachable(endpoint.Host) {
		return invalid(field, "has no host that a client could connect to (-h)")
	}
	if endpoint.Port == 0 {
		return invalid(field, "has no port between 1 and 65535 (-p)")
	}
	if endpoint.Timeout < 0 {
		return invalid(field, "has a negative timeout (-t)")
	}
	return nil
}

// checkServant holds a servant to App.Server.Object of its own instance. Only
// the tables' adapters (other programs wrote them) may serve other names.
func checkServant(field, servant string, key Key) error {
	prefix := key.ServerName() + "."
	if servant == "" {
		return invalid(field, "must not be empty")
	}
	if len(servant) <= len(prefix) || Fold(servant[:len(prefix)]) != Fold(prefix) {
		return invalid(field, "is %s; it must be %s and an object name", quote(servant), quote(prefix))
	}
	return checkName(field, servant, maxServant, isServantRune)
}
