// Package tarsconf reads, changes, merges and writes Tars' configuration
// format: domains in angle brackets that nest, key=value lines and bare lines
// in them, and # comments.
//
//	<tars>
//	    <application>
//	        # the servants
//	        <server>
//	            app=tars
//	        </server>
//	    </application>
//	</tars>
//
// Values are found by path, written as every Tars language writes it:
// "/tars/application/server<app>" is the key app, "/tars/application/server"
// the domain.
//
// What TarsGo and TarsCpp agree on is the rule: names are case-sensitive; a
// domain that occurs twice is one domain; the last of a repeated key counts; a
// line without "=" is a key with an empty value. Where they differ (TarsGo
// parses XML, TarsCpp lines), Parse accepts both ways of writing, Format
// writes what both read alike, and Problems tells what no way of writing can
// make the same. Values are returned as they stand: no escape is undone.
package tarsconf
