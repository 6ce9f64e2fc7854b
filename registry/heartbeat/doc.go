// Package heartbeat keeps the book of who was last seen when. A heartbeat that
// changes nothing is noted in memory and answered at once; a flusher writes what
// was noted to the store in a few multi-row statements. What does change
// something is left to the caller, who writes it before it is acknowledged.
package heartbeat
