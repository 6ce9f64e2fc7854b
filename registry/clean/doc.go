// Package clean removes for good what pods left behind: instances that have been
// inactive for longer than a day, with their adapters, host config files and
// nodes. It is a job, and the admin command clean. Machines with tarsnode are
// never touched. It also prunes what is kept of the past.
package clean
