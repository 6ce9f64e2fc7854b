package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	echoObject = "Clients.EchoServer.EchoObj"
	refresh    = "500" // ms; a client's refresh-endpoint-interval
	// nowhere is a tarsnode that is not there: in a pod there is none.
	nowhere = "tars.tarsnode.ServerObj@tcp -h 127.0.0.1 -p 1 -t 60000"
)

// configuration writes the file that a Tars program is started with, as genconf
// makes it. endpoint "": a program that only calls; set "": in none.
func configuration(t *testing.T, locator, host, endpoint, set string) string {
	t.Helper()
	enable, adapter, dir := "n", "", t.TempDir()
	if set != "" {
		enable = "y"
	}
	if endpoint != "" {
		adapter = fmt.Sprintf(`
            <%[1]sAdapter>
                allow=
                handlegroup=%[1]sAdapter
                servant=%[1]s
                endpoint=%[2]s
                maxconns=1000
                protocol=tars
                queuecap=10000
                queuetimeout=60000
                threads=2
            </%[1]sAdapter>`, echoObject, endpoint)
	}
	text := strings.NewReplacer(
		"{locator}", locator, "{host}", host, "{adapter}", adapter, "{dir}", dir, "{refresh}", refresh,
		"{enable}", enable, "{set}", set, "{node}", nowhere,
	).Replace(`<tars>
    <application>
        enableset={enable}
        setdivision={set}
        <client>
            locator={locator}
            sync-invoke-timeout=20000
            async-invoke-timeout=20000
            refresh-endpoint-interval={refresh}
            stat=tars.tarsstat.StatObj
            property=tars.tarsproperty.PropertyObj
            report-interval=60000
            modulename=Clients.EchoServer
        </client>
        <server>
            node={node}
            app=Clients
            server=EchoServer
            localip={host}
            local=
            basepath={dir}/
            datapath={dir}/
            logpath={dir}/
            logLevel=ERROR
            config=tars.tarsconfig.ConfigObj
            notify=tars.tarsnotify.NotifyObj
            log=tars.tarslog.LogObj
            deactivating-timeout=3000{adapter}
        </server>
    </application>
</tars>
`)
	file := filepath.Join(dir, "config.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
