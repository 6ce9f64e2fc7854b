package behaviour

import (
	"github.com/go-sql-driver/mysql"

	e2e "github.com/tarsregistry/tarsregistry/e2e/replica"
)

// behindLink makes a link to the database that can be cut, as when a network is
// taken away, and gives the DSN that leads over it.
func (d *database) behindLink() (*e2e.Link, string) {
	d.t.Helper()
	config, err := mysql.ParseDSN(d.dsn)
	if err != nil {
		d.t.Fatal("the test's DSN cannot be read")
	}
	link := e2e.NewLink(d.t, config.Addr)
	config.Addr = link.Addr()
	return link, config.FormatDSN()
}
