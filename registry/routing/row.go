package routing

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/tars"
)

// row is an endpoint of an object: a row of t_adapter_conf with its server's
// part, or one of t_registry_info. It is immutable.
type row struct {
	naming.Endpoint
	object  string // the adapter's servant
	adapter string // adapter_name; the locator of a registry's row
	owner   *owner
}

// owner is what the rows of one instance have in common.
type owner struct {
	key         naming.Key
	groupName   string // ip_group_name, trimmed
	setID       string // as it is sent
	bak         int32
	serving     bool // goes into active lists
	enableGroup bool
	inSet       bool // setID is name.area.group and can be chosen by
	registry    bool // of t_registry_info
}

// area cuts a set id that can be chosen by into name, name.area and group.
func (o *owner) area() (name, area, group string) {
	first, last := strings.IndexByte(o.setID, '.'), strings.LastIndexByte(o.setID, '.')
	return o.setID[:first], o.setID[:last], o.setID[last+1:]
}

// standby is bakFlag's value for rows that are in no list.
const standby = 1

// compareRows is the order of lists: by host, port, transport and timeout, as
// text and numbers; what is equal in these by node, application, server and
// adapter. It depends on nothing but the rows themselves.
func compareRows(a, b *row) int {
	if c := compareEndpoints(&a.Endpoint, &b.Endpoint); c != 0 {
		return c
	}
	return cmp.Or(
		a.owner.key.Compare(b.owner.key),
		strings.Compare(a.adapter, b.adapter),
	)
}

// compareEndpoints orders by what makes an endpoint the same to a tombstone.
func compareEndpoints(a, b *naming.Endpoint) int {
	if c := strings.Compare(a.Host, b.Host); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Port, b.Port); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Transport, b.Transport); c != 0 {
		return c
	}
	return cmp.Compare(a.Timeout, b.Timeout)
}

// parseRowEndpoint reads an endpoint as it is handed out.
func parseRowEndpoint(text string) (naming.Endpoint, error) {
	endpoint, err := naming.ParseEndpoint(text)
	if err != nil {
		return naming.Endpoint{}, err
	}
	if endpoint.WeightType == 2 {
		// Dynamic weights come from call statistics, which a registry without
		// them cannot have: round robin, with the weight as it stands.
		endpoint.WeightType = 0
	}
	return endpoint, nil
}

// wire is the row as clients get it.
func (e entry) wire() tars.EndpointF {
	return tars.EndpointF{
		Host:        e.Host,
		Port:        e.Port,
		Timeout:     e.Timeout,
		Istcp:       int32(e.Transport),
		Groupworkid: e.work(),
		Grouprealid: e.real,
		SetId:       e.owner.setID,
		BakFlag:     e.owner.bak,
		Weight:      e.Weight,
		WeightType:  e.WeightType,
		AuthType:    e.AuthType,
		NodeName:    e.owner.key.Node,
	}
}

// record is an instance in the picture, with the rows made of it.
type record struct {
	instance *naming.Instance
	key      naming.Key // folded
	hash     uint64
	rows     []*row
	bad      []BadRow
}

func (r *record) mapKey() naming.Key { return r.key }
func (r *record) keyHash() uint64    { return r.hash }

// BadRow is a row that look-ups pass over, or use only in part, because of what
// stands in it.
type BadRow struct {
	Key     naming.Key // of the instance; of t_registry_info: Server is the locator
	Adapter string     // "": the row of t_server_conf
	Servant string
	Value   string // what cannot be read
	Reason  string
}

// newOwner takes over what look-ups need of an instance that has a server row.
func newOwner(key naming.Key, server *naming.Server, serving bool) (*owner, error) {
	o := &owner{
		key:         key,
		serving:     serving,
		bak:         server.BakFlag,
		enableGroup: server.EnableGroup,
		groupName:   strings.Trim(server.IPGroupName, " \t\r\n"),
		setID:       server.SetID(),
	}
	if !server.EnableSet {
		return o, nil
	}
	if err := checkSet(server); err != nil {
		return o, err
	}
	o.inSet = true
	return o, nil
}

// checkSet holds a set id to what can be chosen by it.
func checkSet(server *naming.Server) error {
	for _, part := range []struct{ name, text string }{
		{"set_name", server.SetName}, {"set_area", server.SetArea}, {"set_group", server.SetGroup},
	} {
		switch {
		case part.text == "":
			return fmt.Errorf("%s is empty", part.name)
		case strings.Contains(part.text, "."):
			return fmt.Errorf("%s has a dot in it", part.name)
		case part.text == wildcard && part.name != "set_group":
			return fmt.Errorf("%s must not be *", part.name)
		}
	}
	return nil
}

// newRecord makes the rows of an instance that has a server row; its key comes
// folded beside it.
func newRecord(instance *naming.Instance, folded naming.Key, seed maphash.Seed) *record {
	r := &record{instance: instance, key: folded}
	r.hash = maphash.Comparable(seed, r.key)
	owner, err := newOwner(instance.Key, instance.Server, instance.Serving())
	if err != nil {
		r.bad = append(r.bad, BadRow{
			Key: instance.Key, Value: instance.Server.SetID(),
			Reason: "in no set: " + err.Error(),
		})
	}
	if len(instance.Adapters) > 0 {
		r.rows = make([]*row, 0, len(instance.Adapters))
	}
	for i := range instance.Adapters {
		adapter := &instance.Adapters[i]
		endpoint, err := parseRowEndpoint(adapter.Endpoint)
		if err != nil {
			r.bad = append(r.bad, BadRow{
				Key: instance.Key, Adapter: adapter.Name, Servant: adapter.Servant,
				Value: adapter.Endpoint, Reason: err.Error(),
			})
			continue
		}
		r.rows = append(r.rows, &row{Endpoint: endpoint, object: adapter.Servant, adapter: adapter.Name, owner: owner})
	}
	return r
}

// keep takes over the rows of the record before it, where look-ups cannot tell
// them from its own; it says whether they could.
func (r *record) keep(before *record) bool {
	if !sameRows(r.rows, before.rows) {
		return false
	}
	r.rows = before.rows
	return true
}

func sameRows(a, b []*row) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if x.Endpoint != y.Endpoint || x.object != y.object || x.adapter != y.adapter || *x.owner != *y.owner {
			return false
		}
	}
	return true
}

// newRecords makes the records of all instances that have a server row, on all
// processors: it is the greater part of making a picture.
func newRecords(instances []*naming.Instance, seed maphash.Seed) []*record {
	const share = 1000
	records := make([]*record, len(instances))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 1+len(instances)/share) {
		workers.Go(func() {
			var folder naming.Folder
			for end := next.Add(share); end-share < int64(len(instances)); end = next.Add(share) {
				for i := end - share; i < min(end, int64(len(instances))); i++ {
					if instances[i].Server != nil {
						records[i] = newRecord(instances[i], folder.Fold(instances[i].Key), seed)
					}
				}
			}
		})
	}
	workers.Wait()
	return slices.DeleteFunc(records, func(r *record) bool { return r == nil })
}

// newRegistryRow makes the row of a registry replica's servant. Its node is the
// host of the replica's locator.
func newRegistryRow(e naming.RegistryEntry) (*row, *BadRow) {
	node := e.Locator
	if host, _, err := net.SplitHostPort(e.Locator); err == nil {
		node = host
	}
	endpoint, err := parseRowEndpoint(e.Endpoint)
	if err != nil {
		return nil, &BadRow{
			Key: naming.Key{Server: e.Locator, Node: node}, Adapter: e.Locator, Servant: e.Servant,
			Value: e.Endpoint, Reason: err.Error(),
		}
	}
	return &row{Endpoint: endpoint, object: e.Servant, adapter: e.Locator, owner: &owner{
		key:         naming.Key{Node: node},
		serving:     e.PresentState == naming.Active,
		enableGroup: e.EnableGroup,
		registry:    true,
	}}, nil
}

// compareRegistryRows orders rows of t_registry_info by their unique key.
func compareRegistryRows(a, b *row) int {
	return cmp.Or(strings.Compare(a.object, b.object), strings.Compare(a.adapter, b.adapter))
}
