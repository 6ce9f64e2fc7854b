package rpc

import (
	"errors"
	"fmt"
	"strings"
)

// Return codes of the Tars protocol (iRet), as TarsGo and TarsCpp know them.
const (
	CodeSuccess         int32 = 0
	CodeFailed          int32 = 1   // the handler refused; the text says why
	CodeUndecodable     int32 = -1  // the packet or its arguments cannot be read
	CodeUnknownFunction int32 = -3  // the servant has no such function
	CodeUnknownServant  int32 = -4  // this port has no such servant
	CodeOverloaded      int32 = -9  // the queue or the memory for requests is full
	CodeInternal        int32 = -99 // the handler panicked
)

// Error is a handler's error with its return code.
type Error struct {
	Code    int32             // never 0
	Message string            // sent to the caller: no secrets, no internals
	Status  map[string]string // sent as well, in the answer's status; nil: nothing
}

// Errorf makes an Error.
func Errorf(code int32, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) Error() string { return e.Message }

// ErrClosed is returned by Conn.Push once the connection is closed, and by
// Server.Listen once the server is shut down.
var ErrClosed = errors.New("rpc: closed")

// ErrUnsent is returned by Conn.Push while too much waits for the peer to read.
var ErrUnsent = errors.New("rpc: peer does not read")

// answerFor is the answer to what a dispatcher or a hook returned as an error.
func answerFor(err error) answer {
	if refused, ok := errors.AsType[*Error](err); ok {
		return answer{code: refused.Code, message: err.Error(), status: encodeMap(refused.Status)}
	}
	text := err.Error()
	if errors.Unwrap(err) == nil {
		if text == "func mismatch" {
			return answer{code: CodeUnknownFunction, message: "no such function"}
		}
		if isDecodeError(text) {
			return answer{code: CodeUndecodable, message: text}
		}
	}
	return answer{code: CodeFailed, message: text}
}

// isDecodeError tells errors of generated readers from those of handlers by
// their text: they have neither a type nor a sentinel of their own, and
// dispatchers return both.
func isDecodeError(text string) bool {
	for _, prefix := range []string{
		"can not find Tag ", "type not match, need ", "need string, tag:", "require ",
		"not support SimpleList type", "decode reqpacket fail", "read ", "json: ", "invalid type",
		"simple list need byte head",
	} {
		if strings.HasPrefix(text, prefix) {
			return decodeErrorRest(prefix, text[len(prefix):])
		}
	}
	return false
}

// decodeErrorRest looks at the rest of texts whose beginning a handler might
// use as well.
func decodeErrorRest(prefix, rest string) bool {
	switch prefix {
	case "invalid type":
		return rest == ""
	case "require ":
		return rest == "vector, but not" || strings.Contains(rest, ", but not exist. tag ")
	case "read ":
		return strings.HasPrefix(rest, "'") || strings.HasPrefix(rest, "string1 tag:") ||
			strings.HasPrefix(rest, "string4 tag:") || strings.HasPrefix(rest, "[]int8 error:") ||
			strings.HasPrefix(rest, "[]uint8 error:")
	}
	return true
}
