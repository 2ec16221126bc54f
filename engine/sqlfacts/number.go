package sqlfacts

// number reads a number whose sign, first digit or point is at from.
func (t *Text) number(from int) {
	b, cl := t.Raw, &t.rules.class
	i := from
	if b[i] == '-' || b[i] == '+' {
		i++
	}
	l := Literal{From: int32(from), in: int32(i), Kind: IntegerLiteral}
	if c := b[i]; c > '0' && c <= '9' || c == '0' && (i+1 >= len(b) || b[i+1] == ' ' || b[i+1] == ',' || b[i+1] == ')') {
		k := i + 1
		for k < len(b) && cl[b[k]] == cDigit {
			k++
		}
		if k >= len(b) || b[k] != '.' && !t.rules.part[b[k]] { // most of all
			t.i, l.out = k, int32(k)
			t.literal(&l)
			return
		}
	}
	if b[i] == '0' && i+1 < len(b) && t.based(&l, i) {
		return
	}
	under := !t.rules.my && (t.Env.Version == 0 || t.Env.Version >= 160000)
	digits := i
	for i < len(b) && (cl[b[i]] == cDigit || under && b[i] == '_' && i > digits) {
		i++
	}
	whole := i - digits
	if i < len(b) && b[i] == '.' && (t.rules.my || i+1 >= len(b) || b[i+1] != '.') {
		i++
		l.Kind = DecimalLiteral
		for i < len(b) && (cl[b[i]] == cDigit || under && b[i] == '_') {
			i++
		}
		if i-digits == whole+1 {
			t.Marks |= OddNumber // 1.
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		k := i + 1
		if k < len(b) && (b[k] == '+' || b[k] == '-') {
			k++
		}
		if k < len(b) && cl[b[k]] == cDigit {
			for k < len(b) && cl[b[k]] == cDigit {
				k++
			}
			i = k
			l.Kind = FloatLiteral
		}
	}
	if i < len(b) && t.rules.part[b[i]] {
		if t.rules.my || !logPosition(b, from, i) {
			t.Marks |= OddNumber
		}
		if t.rules.my && l.Kind == IntegerLiteral && from == digits { // 1abc is an identifier
			t.i = from
			t.word()
			return
		}
	}
	t.i = i
	l.out = int32(i)
	t.literal(&l)
}

// based reads 0x, 0b and 0o numbers whose 0 is at i.
func (t *Text) based(l *Literal, i int) bool {
	b := t.Raw
	var ok func(c byte) bool
	switch b[i+1] {
	case 'x', 'X':
		ok = isHex
	case 'b', 'B':
		ok = func(c byte) bool { return c == '0' || c == '1' }
	case 'o', 'O':
		ok = func(c byte) bool { return c >= '0' && c <= '7' }
	default:
		return false
	}
	my := t.rules.my
	if my && (b[i+1] == 'X' || b[i+1] == 'B' || b[i+1]|0x20 == 'o') {
		return false // MySQL takes 0x and 0b in lower case only
	}
	if !my && t.Env.Version != 0 && t.Env.Version < 160000 {
		return false
	}
	k := i + 2
	for k < len(b) && (ok(b[k]) || !my && b[k] == '_') {
		k++
	}
	if k == i+2 || my && k < len(b) && t.rules.part[b[k]] {
		return false
	}
	l.in, l.out = int32(i+2), int32(k)
	switch {
	case !my:
		l.in, l.form = int32(i), radix
	case b[i+1] == 'x':
		l.Kind, l.form = HexLiteral, hexDigits
	default:
		l.Kind, l.form = BitLiteral, bitDigits
	}
	t.i = k
	t.literal(l)
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// logPosition reports whether what begins with the number b[from:i] is half of a
// position in PostgreSQL's write-ahead log, which replication commands write without
// quotes: START_REPLICATION SLOT s LOGICAL 0/16B3748 (manual, "Streaming
// Replication Protocol").
func logPosition(b []byte, from, i int) bool {
	for i < len(b) && logDigit(b[i]) {
		i++
	}
	switch {
	case i-from > 8 || i < len(b) && (b[i] == '_' || b[i] >= 0x80 || b[i]|0x20 >= 'a' && b[i]|0x20 <= 'z'):
		return false
	case from > 1 && b[from-1] == '/':
		return logDigit(b[from-2])
	}
	return i+1 < len(b) && b[i] == '/' && logDigit(b[i+1])
}

// logDigit reports whether c is a hexadecimal digit as PostgreSQL writes them there.
func logDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }
