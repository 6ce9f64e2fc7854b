package routing

import (
	"fmt"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/tars"
)

// Explanation says what a caller is answered, and why.
type Explanation struct {
	Object      string
	Known       bool // the object has rows or tombstones
	Code        int32
	CallerGroup int32  // -1: in no IP group
	Step        string // how the lists were chosen
	Endpoints   []ExplainedEndpoint
}

// Lists that an endpoint may be in.
const (
	ListActive   = "active"
	ListInactive = "inactive"
	ListNone     = ""
)

// ExplainedEndpoint is one row of an object, or a tombstone.
type ExplainedEndpoint struct {
	Instance naming.Key
	Adapter  string
	Endpoint tars.EndpointF
	List     string // ListActive, ListInactive or ListNone
	Reason   string
}

// Explain tells for every endpoint of an object which list the caller finds it
// in and why. With a set id it explains InSameSet, without one InSameGroup.
func (p *Picture) Explain(object string, caller Caller, setID string) Explanation {
	x := Explanation{Object: object, CallerGroup: p.groups.ofCaller(caller)}
	answer := p.InSameGroup(object, caller)
	if setID != "" {
		answer = p.InSameSet(object, setID, caller)
	}
	x.Code = answer.Code()
	o := p.object(object)
	if o == nil {
		x.Step = "no such object"
		return x
	}
	x.Known = true
	x.Step = p.explainStep(o.prepared(p.groups, p.bodies), x.CallerGroup, setID)
	in := make(map[*row]string)
	for _, e := range answer.lists.active {
		in[e.row] = ListActive
	}
	for _, e := range answer.lists.inactive {
		in[e.row] = ListInactive
	}
	for _, r := range o.rows {
		x.add(entry{r, p.groups.real(r)}, in[r], p.explainRow(r, in[r]))
	}
	for _, r := range o.tombstones {
		reason := "removed lately: kept so that clients finish their calls"
		if in[r] == ListNone {
			reason = "removed lately, and not chosen"
		}
		x.add(entry{r, p.groups.real(r)}, in[r], reason)
	}
	return x
}

func (x *Explanation) add(e entry, list, reason string) {
	x.Endpoints = append(x.Endpoints, ExplainedEndpoint{
		Instance: e.owner.key, Adapter: e.adapter, Endpoint: e.wire(), List: list, Reason: reason,
	})
}

// explainRow says why a row is where it is.
func (p *Picture) explainRow(r *row, list string) string {
	o := r.owner
	switch {
	case o.bak == standby:
		return "bak_flag is 1: standby, never handed out"
	case list == ListNone:
		return "not chosen for this caller"
	case o.serving && o.registry:
		return "present_state is active"
	case o.serving:
		return "setting and present state are active, and flow is on"
	case o.registry:
		return "present_state is not active"
	}
	return p.explainInactive(o.key)
}

func (p *Picture) explainInactive(key naming.Key) string {
	instance, ok := p.Instance(key)
	switch {
	case !ok:
		return "inactive" // rows and instances change together
	case instance.Server.SettingState != naming.Active:
		return fmt.Sprintf("setting_state is %q", instance.Server.SettingState)
	case instance.Server.PresentState != naming.Active:
		return fmt.Sprintf("present_state is %q", instance.Server.PresentState)
	default:
		return "flow is turned off"
	}
}

func (p *Picture) explainStep(v *view, group int32, setID string) string {
	if setID == "" {
		return p.explainGroup(v, group)
	}
	query, ok := parseSetQuery(setID)
	if !ok {
		return "set id is not name.area.group"
	}
	chosen, named := v.inSet(query)
	switch {
	case !named:
		return "nobody is in a set named " + query.name + "; " + p.explainGroup(v, group)
	case chosen == nil:
		return "nobody is in set " + query.whole + " or " + query.area + ".*"
	case query.group == wildcard:
		return "all groups of set area " + query.area
	case v.sets.exact[query.whole] != nil:
		return "set " + query.whole
	default:
		return "nobody is in set " + query.whole + "; set " + query.area + ".*"
	}
}

func (p *Picture) explainGroup(v *view, group int32) string {
	if group == noGroup {
		return "caller is in no IP group: all"
	}
	step := v.groupStep(group)
	switch step.kind {
	case stepGroup:
		return fmt.Sprintf("IP group %d of the caller", step.at)
	case stepPriority:
		row := p.groups.priorities[step.at]
		return fmt.Sprintf("nobody is active in IP group %d; groups %v of priority row %d", group, row.groups, row.id)
	case stepUngrouped:
		return fmt.Sprintf("nobody is active in IP group %d or its priority rows; those in no group", group)
	default:
		return fmt.Sprintf("nobody is active in IP group %d, its priority rows or in no group; all", group)
	}
}
