package settings

import (
	"net"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const dsnForm = "user:password@tcp(host:port)/database?parameter=value"

// dsn gives the database's DSN, "" for the embedded one: --dsn, else DB_DSN,
// else the DB_ variables that existing manifests set. An empty --dsn asks for
// the embedded database whatever the environment says.
func (r *reader) dsn() string {
	v := r.find("dsn")
	switch {
	case v.text != "":
		r.checkDSN(v)
		return v.text
	case v.rank == byFlag:
		return ""
	default:
		return r.dsnFromParts()
	}
}

// checkDSN never quotes the text or the driver's error: both may hold the
// password.
func (r *reader) checkDSN(v value) {
	config, err := mysql.ParseDSN(v.text)
	switch {
	case err != nil:
		r.fail(invalid(v.name, "cannot be read%s; it must be %s", brokenParameter(v.text), dsnForm))
	case config.Net != "tcp" && config.Net != "unix":
		r.fail(invalid(v.name, "has a network other than tcp(host:port) and unix(socket); it must be %s", dsnForm))
	case config.DBName == "":
		r.fail(invalid(v.name, "names no database; it must end in one, as in tcp(host:port)/db_tars"))
	}
}

// brokenParameter names the parameter that makes a DSN unreadable, where the
// rest is sound and the name is one. Its value is not shown.
func brokenParameter(dsn string) string {
	end := strings.LastIndexByte(dsn, ')') + 1
	database, parameters, _ := strings.Cut(dsn[end:], "?")
	if _, err := mysql.ParseDSN(dsn[:end] + database); err != nil || !strings.HasPrefix(database, "/") {
		return ""
	}
	for parameter := range strings.SplitSeq(parameters, "&") {
		name, _, _ := strings.Cut(parameter, "=")
		if _, err := mysql.ParseDSN("/?" + parameter); err != nil && isParameterName(name) {
			return " (parameter " + name + ")"
		}
	}
	return ""
}

func isParameterName(text string) bool {
	notLetter := func(c rune) bool { return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') }
	return text != "" && len(text) < 40 && !strings.ContainsFunc(text, notLetter)
}

// dsnFromParts puts a DSN together from DB_HOST and its companions.
func (r *reader) dsnFromParts() string {
	host := r.variable("DB_HOST", "")
	if host == "" {
		for _, name := range []string{"DB_PORT", "DB_USER", "DB_PASS", "DB_NAME"} {
			if r.variable(name, "") != "" {
				r.fail(invalid(name, "is set and DB_HOST is not; set DB_HOST too, or none of them for the embedded database"))
				return ""
			}
		}
		return ""
	}
	r.host(value{host, "DB_HOST", byEnvironment})
	config := mysql.NewConfig()
	config.Net = "tcp"
	config.Addr = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(r.databasePort()))
	config.User = r.variable("DB_USER", "root")
	config.Passwd = strings.TrimRight(r.getenv("DB_PASS"), "\r\n") // blanks may be meant
	config.DBName = r.variable("DB_NAME", "db_tars")
	if strings.ContainsRune(config.User, ':') {
		r.fail(invalid("DB_USER", "has a colon in it; give the database by DB_DSN"))
	}
	return r.roundTrip(config)
}

func (r *reader) databasePort() int {
	text := r.variable("DB_PORT", "3306")
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		r.fail(invalid("DB_PORT", "is %s; it must be a port from 1 to 65535", quote(text)))
	}
	return int(port)
}

// roundTrip makes sure that the driver reads from the DSN what was put into it.
func (r *reader) roundTrip(config *mysql.Config) string {
	dsn := config.FormatDSN()
	read, err := mysql.ParseDSN(dsn)
	if err != nil || read.User != config.User || read.Passwd != config.Passwd || read.Addr != config.Addr || read.DBName != config.DBName {
		r.fail(invalid("DB_USER, DB_PASS or DB_NAME", "has characters that no DSN can hold; give the database by DB_DSN"))
	}
	return dsn
}

// DescribeDatabase names a database for people, without its password and
// parameters, as in root@tcp(127.0.0.1:3306)/db_tars; "" for a DSN of "".
func DescribeDatabase(dsn string) string {
	if dsn == "" {
		return ""
	}
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		return "a database whose DSN cannot be read"
	}
	where := config.Net + "(" + config.Addr + ")/" + config.DBName
	if config.User == "" {
		return where
	}
	return config.User + "@" + where
}
