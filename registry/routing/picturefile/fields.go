package picturefile

import (
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// Whoever changes the order here gives the format another number (file.go). A
// field that types gain or lose changes the header by itself.

// frame is all but the instances.
func (c *coder) frame(f *File) {
	taken := f.Taken.UnixMicro()
	number(c, &taken)
	if !c.writing {
		f.Taken = time.UnixMicro(taken).UTC()
	}
	list(c, &f.Contents.Rules, (*coder).rule)
	list(c, &f.Contents.Priorities, (*coder).priority)
	list(c, &f.Contents.Registries, (*coder).registry)
	list(c, &f.Contents.Tombstones, (*coder).tombstone)
	list(c, &f.Nodes, (*coder).node)
}

func (c *coder) instances(part *[]*naming.Instance) {
	list(c, part, func(c *coder, i **naming.Instance) {
		place := &c.unused
		if !c.writing {
			place = new(whole)
			*i = &place.instance
		}
		c.instance(*i, place)
	})
}

func (c *coder) key(k *naming.Key) {
	text(c, &k.Application)
	text(c, &k.Server)
	text(c, &k.Node)
}

// whole is room for an instance and the parts that most have, in one piece of memory:
// that takes half the time to make, and what belongs together is given up together.
type whole struct {
	instance naming.Instance
	server   naming.Server
	lease    naming.Lease
	adapter  [1]naming.Adapter
}

func (c *coder) instance(i *naming.Instance, place *whole) {
	c.key(&i.Key)
	optional(c, &i.Server, &place.server, (*coder).server)
	if !c.writing {
		i.Adapters = place.adapter[:0:1]
	}
	list(c, &i.Adapters, (*coder).adapter)
	optional(c, &i.Lease, &place.lease, (*coder).lease)
	c.flag(&i.Torn)
}

func (c *coder) server(s *naming.Server) {
	number(c, &s.ID)
	text(c, &s.Stamp)
	text(c, &s.SettingState)
	text(c, &s.PresentState)
	text(c, &s.FlowState)
	text(c, &s.GridFlag)
	number(c, &s.BakFlag)
	c.flag(&s.EnableSet)
	text(c, &s.SetName)
	text(c, &s.SetArea)
	text(c, &s.SetGroup)
	c.flag(&s.EnableGroup)
	text(c, &s.IPGroupName)
	text(c, &s.TemplateName)
	text(c, &s.ServerType)
	text(c, &s.Version)
	number(c, &s.ProcessID)
	number(c, &s.MetricsPort)
}

func (c *coder) adapter(a *naming.Adapter) {
	number(c, &a.ID)
	text(c, &a.Stamp)
	text(c, &a.Name)
	text(c, &a.Servant)
	c.literal(&a.Endpoint)
	text(c, &a.Protocol)
	number(c, &a.ThreadNum)
	number(c, &a.MaxConnections)
	number(c, &a.QueueCap)
	number(c, &a.QueueTimeout)
}

// lease leaves the registration out: it restores rows, in the database.
func (c *coder) lease(l *naming.Lease) {
	number(c, &l.ID)
	c.literal(&l.Identity.UID)
	text(c, &l.Identity.Kind)
	text(c, &l.State)
	number(c, &l.Revision)
	text(c, &l.Reported)
	number(c, &l.Sequence)
	number(c, &l.Interval)
	c.flag(&l.IntervalTold)
	number(c, &l.Duration)
	number(c, &l.MetricsPort)
	number(c, &l.WorkerID)
	text(c, &l.FlowOffBy)
	number(c, &l.HeartbeatAge)
	c.literal(&l.Heartbeat)
	number(c, &l.StateAge)
}

func (c *coder) rule(r *naming.GroupRule) {
	number(c, &r.ID)
	text(c, &r.Name)
	text(c, &r.AllowRule)
}

func (c *coder) priority(p *naming.GroupPriority) {
	number(c, &p.ID)
	text(c, &p.Groups)
	number(c, &p.Order)
	text(c, &p.Station)
	text(c, &p.GroupName)
}

func (c *coder) registry(e *naming.RegistryEntry) {
	text(c, &e.Locator)
	text(c, &e.Servant)
	text(c, &e.Endpoint)
	text(c, &e.PresentState)
	c.flag(&e.EnableGroup)
	text(c, &e.Version)
	text(c, &e.Heartbeat)
}

func (c *coder) tombstone(t *naming.Tombstone) {
	number(c, &t.ID)
	c.key(&t.Key)
	c.server(&t.Server)
	c.adapter(&t.Adapter)
	number(c, &t.AgeMS)
}

func (c *coder) node(n *naming.Node) {
	text(c, &n.Name)
	text(c, &n.Object)
	text(c, &n.EndpointIP)
	number(c, &n.EndpointPort)
	text(c, &n.SettingState)
	text(c, &n.PresentState)
	text(c, &n.TemplateName)
	text(c, &n.Version)
	text(c, &n.Heartbeat)
}
