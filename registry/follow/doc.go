// Package follow keeps what this replica knows equal to the tables: other
// replicas' changes by the event log, those of other programs by comparing
// stamps, and everything by a whole comparison now and then and after every
// interruption (R21-R23).
package follow
