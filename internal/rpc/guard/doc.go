// Package guard looks at the arguments of a request before generated code
// decodes them. Generated readers allocate what a length in the packet says and
// panic at a negative one; what Check lets pass makes them neither panic nor
// allocate out of proportion to the packet.
package guard
