package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// LockRequest asks for the lock of a server in master/standby mode (R34).
type LockRequest struct {
	Application string
	Server      string
	Node        string
	Master      bool          // the caller believes it holds the lock
	LastError   bool          // its last call failed
	Timeout     time.Duration // 1 s .. 10 min
	// SwitchRoutes makes the holder's bak_flag 0 and the others' 1.
	SwitchRoutes bool
}

// LockResult says who has the lock.
type LockResult struct {
	Granted bool
	Holder  string
	Commit  *Commit // what SwitchRoutes changed; empty: nothing
}

// Lock grants or renews a lock by the database's clock. The row decides: never do
// two hold it at once.
//
// A lock that was freed goes to the first who asks. One that lapsed stays its last
// holder's, should that one say that it was master or had an error, until timeout
// after somebody else first found it lapsed: so after an outage of the database,
// however long, the master stays master.
func (s *Store) Lock(ctx context.Context, request LockRequest) (LockResult, error) {
	keys, err := s.serverKeys(ctx, request)
	if err != nil {
		return LockResult{}, wrap("lock "+request.name(), err)
	}
	var result LockResult
	commit, err := s.Update(ctx, Scope{Keys: keys}, func(tx *Tx) error {
		result = LockResult{}
		if err := tx.takeLock(request, &result); err != nil {
			return err
		}
		if result.Granted && request.SwitchRoutes {
			tx.switchRoutes(request, keys)
		}
		return nil
	})
	if err != nil {
		return LockResult{}, fmt.Errorf("lock %s: %w", request.name(), s.translate(ctx, err))
	}
	result.Commit = commit
	return result, nil
}

func (r LockRequest) name() string { return r.Application + "." + r.Server }

// serverKeys are the instances whose routes the lock switches; none where it does
// not.
func (s *Store) serverKeys(ctx context.Context, request LockRequest) ([]naming.Key, error) {
	if !request.SwitchRoutes {
		return nil, nil
	}
	d := s.dialect
	var keys []naming.Key
	query := "SELECT application, server_name, node_name FROM t_server_conf WHERE " + d.key("application") + " = ? AND " +
		d.key("server_name") + " = ?"
	err := s.query(ctx, s.read, "lock_servers", query, []any{trimmed(request.Application), trimmed(request.Server)},
		func(row *scanner) { keys = append(keys, scanKey(row)) })
	return keys, err
}

// failed carries a statement's failure past the closure to Update as what it is,
// the database's refusal, so that the transaction is begun again where that helps.
func (t *Tx) failed(err error) error {
	t.note(err)
	return err
}

func (t *Tx) takeLock(request LockRequest, result *LockResult) error {
	d := t.store.dialect
	application, server, node := trimmed(request.Application), trimmed(request.Server), trimmed(request.Node)
	ours := d.key("application") + " = ? AND " + d.key("server_name") + " = ?"
	until := d.ago(-request.Timeout)
	mine := "holder = ? AND held_until >= " + d.now
	if request.Master || request.LastError {
		mine = "holder = ?"
	}
	grant := "UPDATE t_registry_lock SET held_until = " + until + ", reserved_until = " + until + ", holder = ? WHERE " + ours +
		" AND (holder = '' OR " + mine + " OR (reserved_until > held_until AND reserved_until < " + d.now + "))"
	for range 2 {
		found, err := t.store.exec(t.ctx, t.tx, "lock_grant", grant, node, application, server, node)
		if err != nil {
			return t.failed(err)
		}
		if found > 0 {
			t.wrote, result.Granted, result.Holder = true, true, request.Node
			return nil
		}
		if result.Holder, err = t.lockHolder(ours, application, server); err != nil || result.Holder != "" {
			break
		}
		if err := t.makeLock(application, server); err != nil {
			return err
		}
	}
	reserve := "UPDATE t_registry_lock SET reserved_until = " + until + " WHERE " + ours +
		" AND held_until < " + d.now + " AND reserved_until <= held_until"
	found, err := t.store.exec(t.ctx, t.tx, "lock_reserve", reserve, application, server)
	t.wrote = t.wrote || found > 0
	return t.failed(err)
}

func (t *Tx) lockHolder(ours, application, server string) (holder string, err error) {
	err = t.store.each(t.ctx, t.tx, "lock_holder", "SELECT holder FROM t_registry_lock WHERE "+ours, []any{application, server},
		func(row *scanner) { holder = row.text() })
	return holder, t.failed(err)
}

// makeLock makes the row of a lock that nobody holds. Another one's is as good.
func (t *Tx) makeLock(application, server string) error {
	d := t.store.dialect
	rows := newInsert("t_registry_lock", []string{"application", "server_name", "holder", "held_until", "reserved_until"})
	past := expression(d.ago(time.Second))
	rows.row(application, server, "", past, past)
	query, args := rows.only("")
	_, err := t.store.exec(t.ctx, t.tx, "lock_make", query, args...)
	if err == nil {
		t.wrote = true
	}
	if errors.Is(meaningOf(err), errDuplicate) && !d.sqlite() {
		return nil
	}
	return t.failed(err)
}

// switchRoutes makes the holder the one that clients get.
func (t *Tx) switchRoutes(request LockRequest, keys []naming.Key) {
	holder := naming.Key{Application: request.Application, Server: request.Server, Node: request.Node}.Fold()
	for _, key := range keys {
		instance := t.Instance(key).Clone()
		if instance.Server == nil {
			continue
		}
		flag := int32(1)
		if key.Fold() == holder {
			flag = 0
		}
		if instance.Server.BakFlag == flag {
			continue
		}
		instance.Server.BakFlag = flag
		t.Put(instance, naming.Event{
			Kind: naming.EventFlow, State: instance.Server.PresentState, Actor: request.Node,
			Reason: fmt.Sprintf("bak_flag %d: %s is master", flag, request.Node),
		})
	}
}

// locks frees what instances held that left, expired or were removed.
func (w *writing) locks() error {
	var held []string
	for _, row := range w.rows {
		lease := row.now.Lease
		if row.now.Server == nil || lease != nil && lease.State != naming.LeaseLive || row.expired {
			key := row.now.Key
			held = append(held, trimmed(key.Application), trimmed(key.Server), trimmed(key.Node))
		}
	}
	ids, err := w.find("locks_held", "t_registry_lock", []string{"application", "server_name", "holder"}, held)
	if err != nil || len(ids) == 0 {
		return err
	}
	return w.exec("lock_free", "UPDATE t_registry_lock SET holder = '' WHERE id IN ("+idList(ids)+")")
}
