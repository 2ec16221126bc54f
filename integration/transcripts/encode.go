package transcripts

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// encode makes a client's message from its words. CloseWrite is nil.
func encode(w []string) ([]byte, error) {
	if len(w) == 0 {
		return nil, fmt.Errorf("no message")
	}
	arg := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	var m pgproto3.FrontendMessage
	switch w[0] {
	case "CloseWrite":
		return nil, nil
	case "Raw": // bytes as they are
		return []byte(arg(1)), nil
	case "Query":
		m = &pgproto3.Query{String: arg(1)}
	case "Parse": // name, text, types
		p := &pgproto3.Parse{Name: arg(1), Query: arg(2)}
		for _, s := range w[min(3, len(w)):] {
			n, err := strconv.ParseUint(s, 10, 32)
			if err != nil {
				return nil, err
			}
			p.ParameterOIDs = append(p.ParameterOIDs, uint32(n))
		}
		m = p
	case "Bind":
		return bind(w)
	case "Describe": // S or P, name
		m = &pgproto3.Describe{ObjectType: (arg(1) + " ")[0], Name: arg(2)}
	case "Execute": // portal, row limit
		n, _ := strconv.ParseUint(arg(2), 10, 32)
		m = &pgproto3.Execute{Portal: arg(1), MaxRows: uint32(n)}
	case "Close":
		m = &pgproto3.Close{ObjectType: (arg(1) + " ")[0], Name: arg(2)}
	case "Sync":
		m = &pgproto3.Sync{}
	case "Flush":
		m = &pgproto3.Flush{}
	case "Terminate":
		m = &pgproto3.Terminate{}
	case "CopyData":
		m = &pgproto3.CopyData{Data: []byte(arg(1))}
	case "CopyDone":
		m = &pgproto3.CopyDone{}
	case "CopyFail":
		m = &pgproto3.CopyFail{Message: arg(1)}
	case "FunctionCall": // function, arguments as text
		return functionCall(w)
	default:
		return nil, fmt.Errorf("unknown message %s", w[0])
	}
	return m.Encode(nil)
}

// bind takes: portal, statement, then text values, NULL, b:hex for a binary
// value, and /b or /t for a binary or text result column.
func bind(w []string) ([]byte, error) {
	if len(w) < 3 {
		return nil, fmt.Errorf("want Bind portal statement [value...] [/t or /b...]")
	}
	b := &pgproto3.Bind{DestinationPortal: w[1], PreparedStatement: w[2]}
	for _, v := range w[3:] {
		switch {
		case v == "/b":
			b.ResultFormatCodes = append(b.ResultFormatCodes, 1)
			continue
		case v == "/t":
			b.ResultFormatCodes = append(b.ResultFormatCodes, 0)
			continue
		case v == "NULL":
			b.Parameters, b.ParameterFormatCodes = append(b.Parameters, nil), append(b.ParameterFormatCodes, 0)
			continue
		case strings.HasPrefix(v, "b:"):
			n, err := strconv.ParseInt(v[2:], 10, 32) // an int4
			if err != nil {
				return nil, err
			}
			b.Parameters = append(b.Parameters, binary.BigEndian.AppendUint32(nil, uint32(n)))
			b.ParameterFormatCodes = append(b.ParameterFormatCodes, 1)
			continue
		}
		b.Parameters, b.ParameterFormatCodes = append(b.Parameters, []byte(v)), append(b.ParameterFormatCodes, 0)
	}
	return b.Encode(nil)
}

func functionCall(w []string) ([]byte, error) {
	if len(w) < 2 {
		return nil, fmt.Errorf("FunctionCall oid [argument...]")
	}
	oid, err := strconv.ParseUint(w[1], 10, 32)
	if err != nil {
		return nil, err
	}
	body := binary.BigEndian.AppendUint32(nil, uint32(oid))
	body = binary.BigEndian.AppendUint16(body, 0) // all arguments text
	body = binary.BigEndian.AppendUint16(body, uint16(len(w)-2))
	for _, a := range w[2:] {
		body = binary.BigEndian.AppendUint32(body, uint32(len(a)))
		body = append(body, a...)
	}
	body = binary.BigEndian.AppendUint16(body, 0) // result text
	return append(binary.BigEndian.AppendUint32([]byte{'F'}, uint32(len(body)+4)), body...), nil
}
