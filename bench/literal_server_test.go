//go:build unix

package bench

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/tarsregistry/tarsregistry/internal/mariadbtest"
	"github.com/tarsregistry/tarsregistry/internal/rpc"
	"github.com/tarsregistry/tarsregistry/tars"
)

// literalPool is how many connections the literal servant has to the database.
const literalPool = 32

// literal does what "Tars服务容器化" says, statement by statement, in every call,
// with a bounded pool and arguments interpolated by the driver. A registration is
// in a transaction where its Version asks for one.
type literal struct{ db *sql.DB }

// inTransaction as the Version of a registration makes it one transaction.
const inTransaction = "transaction"

func serveLiteral() (string, error) {
	config, err := mysql.ParseDSN(os.Getenv(variableDSN))
	if err != nil {
		return "", err
	}
	config.InterpolateParams = true
	db, err := sql.Open("mysql", config.FormatDSN())
	if err != nil {
		return "", err
	}
	db.SetMaxOpenConns(literalPool)
	db.SetMaxIdleConns(literalPool)
	address, err := rpc.NewServer(rpc.Options{Workers: literalPool}).Listen(context.Background(), "tcp", "127.0.0.1:0", rpc.ListenOptions{}, rpc.Servant{
		Name: podObject, Functions: []string{"onStartup", "keepAlive"},
		Dispatch: rpc.Generated(new(tars.Tarsregistry), &literal{db}),
	})
	if err != nil {
		return "", err
	}
	return address.String(), nil
}

// literalDatabase makes a database with the tables that the description knows,
// and their rows, of another one.
func literalDatabase(b *testing.B, server *mariadbtest.Server, from string) string {
	b.Helper()
	dsn := server.Database(b)
	source, err := mysql.ParseDSN(from)
	if err != nil {
		b.Fatal(err)
	}
	db := mariadbtest.Open(b, dsn)
	for _, table := range []string{"t_node_info", "t_server_conf", "t_adapter_conf"} {
		for _, statement := range []string{"CREATE TABLE %[2]s LIKE %[1]s.%[2]s", "INSERT INTO %[2]s SELECT * FROM %[1]s.%[2]s"} {
			if _, err := db.ExecContext(b.Context(), fmt.Sprintf(statement, source.DBName, table)); err != nil {
				b.Fatal(err)
			}
		}
	}
	return dsn
}

func (l *literal) KeepAlive(ctx context.Context, req *tars.KeepAliveReq) error {
	for _, statement := range []struct {
		query string
		args  []any
	}{
		{"update t_node_info set last_heartbeat = CURRENT_TIMESTAMP() where node_name = ?", []any{req.NodeName}},
		{"update t_node_info set present_state = ? where node_name = ?", []any{req.State, req.NodeName}},
		{
			"update t_server_conf set present_state = ? where node_name = ? and application = ? and server_name = ?",
			[]any{req.State, req.NodeName, req.Application, req.Server},
		},
	} {
		if _, err := l.db.ExecContext(ctx, statement.query, statement.args...); err != nil {
			return err
		}
	}
	return nil
}

// execer is a pool or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (l *literal) OnStartup(ctx context.Context, req *tars.OnStartupReq) error {
	if req.Version != inTransaction {
		return l.register(ctx, l.db, req)
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := l.register(ctx, tx, req); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

func (l *literal) register(ctx context.Context, on execer, req *tars.OnStartupReq) error {
	_, err := on.ExecContext(ctx, `insert into t_node_info(node_name, node_obj, endpoint_ip, endpoint_port,
		last_reg_time, last_heartbeat, setting_state, present_state)
		values(?, ?, ?, ?, CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), ?, ?)
		ON DUPLICATE KEY UPDATE last_heartbeat = CURRENT_TIMESTAMP()`,
		req.NodeName, "tars.tarsnode.NodeObj@tcp -h "+req.NodeName+" -p 0", req.NodeName, 0, "active", "active")
	if err != nil {
		return err
	}
	server := []any{req.Version, req.State, "N", "", "", "", req.TemplateName, req.ServerType}
	_, err = on.ExecContext(ctx, `insert into t_server_conf(
		application, server_name, node_name, patch_version, present_state,
		enable_set, set_name, set_area, set_group, template_name, server_type,
		setting_state, registry_timestamp, patch_time, posttime)
		values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "active", CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP())
		ON DUPLICATE KEY UPDATE patch_version=?, present_state=?,
		enable_set=?, set_name=?, set_area=?, set_group=?, template_name=?, server_type=?,
		setting_state="active", registry_timestamp=CURRENT_TIMESTAMP(), patch_time=CURRENT_TIMESTAMP(), posttime=CURRENT_TIMESTAMP()`,
		append(append([]any{req.Application, req.Server, req.NodeName}, server...), server...)...)
	if err != nil {
		return err
	}
	for _, a := range req.Adapters {
		adapter := []any{a.Servant + "Adapter", a.Servant, a.ThreadNum, a.Endpoint, a.Protocol, a.MaxConns, a.QueueCap, a.QueueTimeout}
		_, err = on.ExecContext(ctx, `insert into t_adapter_conf(application, server_name, node_name,
			adapter_name, servant, thread_num, endpoint, protocol, max_connections, queuecap, queuetimeout)
			values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON DUPLICATE KEY UPDATE adapter_name=?, servant=?, thread_num=?, endpoint=?,
			protocol=?, max_connections=?, queuecap=?, queuetimeout=?`,
			append(append([]any{req.Application, req.Server, req.NodeName}, adapter...), adapter...)...)
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *literal) OnPrestop(context.Context, *tars.OnPrestopReq) error             { return nil }
func (l *literal) RegisterMetrics(context.Context, *tars.RegisterMetricsReq) error { return nil }
func (l *literal) GetMetricsAdapters(context.Context, *tars.GetMetricsAdaptersReq, *[]tars.MetricsAdapterInfo) error {
	return nil
}
