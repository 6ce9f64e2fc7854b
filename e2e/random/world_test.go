package random

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/tarsregistry/tarsregistry/e2e/replica"
	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/tars"
)

const (
	replicas = 3
	leaseTTL = 6 * time.Second
	// beatInterval is a tenth of what the registry allows.
	beatInterval = 600 * time.Millisecond
	// patience is how long a pod goes on trying to have something acknowledged:
	// longer than any fault lasts.
	patience = 45 * time.Second
	// lookupPatience too: a look-up that met a frozen replica is answered when that
	// one thaws, and is no other one for it.
	lookupPatience = 30 * time.Second
)

// world is everything there is.
type world struct {
	t     *testing.T
	seed  uint64
	began time.Time

	database *mariadbtest.Server
	dsn      string
	tarsweb  *sql.DB // of TarsWeb and of people, beside the links
	sites    []*site

	// ctx ends when what is random ends; beats go on until the end of all.
	ctx   context.Context
	beats context.Context

	wrongs   atomic.Int64
	counted  sync.Map // what was done, for the log: name to *atomic.Int64
	evidence evidence
}

// site is one replica with its link to the database and those who call it.
type site struct {
	*replica.Replica
	number int
	link   *replica.Link

	pods  *tars.Tarsregistry
	query *tars.QueryF
	node  *tars.Registry
	http  *http.Client

	// changing is held for reading by whoever asks for a change, and for writing
	// to freeze the replica: a change that thaws long after its caller has given
	// up and moved on is not what is tested here.
	changing sync.RWMutex
	frozen   atomic.Bool
	// life grows by one when the replica ends and by one when it serves again:
	// while it is even the replica serves.
	life atomic.Int64
}

func (s *site) serves() bool { return s.life.Load()%2 == 0 }

// newWorld starts the database and the replicas.
func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, seed: seed, began: time.Now(), database: mariadbtest.Start(t)}
	w.dsn = w.database.Database(t)
	w.tarsweb = mariadbtest.Open(t, w.dsn)
	for number := range replicas {
		link := replica.NewLink(t, w.database.Addr())
		config, err := mysql.ParseDSN(w.dsn)
		if err != nil {
			t.Fatal(err)
		}
		config.Addr = link.Addr()
		r := replica.Start(t, "--dsn", config.FormatDSN(), "--lease-ttl", leaseTTL.String(), "--tombstone", "5s", "--log-level", "debug")
		s := &site{
			Replica: r, number: number, link: link,
			pods: new(tars.Tarsregistry), query: new(tars.QueryF), node: new(tars.Registry),
			http: &http.Client{Timeout: 3 * time.Second},
		}
		s.pods.SetServant(replica.NewCaller(replica.PodServant, 2*time.Second, r.Addresses.Pod))
		s.query.SetServant(replica.NewCaller(replica.QueryServant, lookupPatience, r.Addresses.Query))
		s.node.SetServant(replica.NewCaller(replica.NodeServant, 2*time.Second, r.Addresses.Node))
		w.sites = append(w.sites, s)
	}
	return w
}

// random gives an actor its own choices.
func (w *world) random(actor string, number int) *rand.Rand {
	hash := w.seed
	for _, c := range actor {
		hash = hash*1099511628211 ^ uint64(c)
	}
	return rand.New(rand.NewPCG(w.seed, hash+uint64(number)))
}

// wrong notes a violation.
func (w *world) wrong(format string, args ...any) {
	const most = 30
	if w.wrongs.Add(1) <= most {
		w.t.Errorf("%s: %s", w.clock(), fmt.Sprintf(format, args...))
	}
}

func (w *world) clock() string { return fmt.Sprintf("at %.2f s", time.Since(w.began).Seconds()) }

// did counts what was done.
func (w *world) did(what string) {
	counter, _ := w.counted.LoadOrStore(what, new(atomic.Int64))
	counter.(*atomic.Int64).Add(1)
}

// acknowledged says which replica acknowledged a change, and in which of its lives.
type acknowledged struct {
	*site
	life int64
}

// change has a replica do something, another one if that fails, until it is
// acknowledged; false: the time was up.
func (w *world) change(r *rand.Rand, what string, ask func(*site) error) (acknowledged, bool) {
	deadline := time.Now().Add(patience)
	for {
		s := w.sites[r.IntN(len(w.sites))]
		life := s.life.Load()
		err := s.ask(ask)
		if err == nil {
			w.did(what)
			return acknowledged{s, life}, true
		}
		w.did(what + " in vain")
		if time.Now().After(deadline) {
			w.wrong("%s was not acknowledged within %s: %v", what, patience, err)
			return acknowledged{}, false
		}
		time.Sleep(time.Duration(20+r.IntN(180)) * time.Millisecond) // as clients do
	}
}

func (s *site) ask(ask func(*site) error) error {
	s.changing.RLock()
	defer s.changing.RUnlock()
	if s.frozen.Load() {
		return fmt.Errorf("replica %d is frozen", s.number)
	}
	return ask(s)
}
