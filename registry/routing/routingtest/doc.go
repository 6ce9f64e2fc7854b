// Package routingtest has the recorded answers of a C++ Tars registry, the rows
// that they were recorded over, and the list of our deviations, for the tests
// of everything that answers look-ups.
package routingtest
