package k6

// scan reads a line with a point in the layout that k6 writes: no space, no escape, no key that is not known. It is false for
// any other line; decode has the last word on those.
func scan(line []byte, p *point) bool {
	s := scanner{rest: line}
	var kind []byte
	seen := 0
	plain := s.object(func(key []byte) bool {
		seen++
		switch string(key) {
		case "metric":
			return s.text(&p.metric)
		case "type":
			return s.text(&kind)
		case "data":
			return s.data(p)
		}
		return false
	})
	return plain && seen == 3 && len(s.rest) == 0 && string(kind) == "Point" && p.metric != nil && p.time != nil
}

// scanner is what is left of a line. Its methods are false where the line is not plain; nothing else may be asked then.
type scanner struct{ rest []byte }

func (s *scanner) data(p *point) bool {
	seen := 0
	return s.object(func(key []byte) bool {
		seen++
		switch string(key) {
		case "time":
			return s.text(&p.time)
		case "value":
			return s.number(&p.value)
		case "tags":
			return s.tags(p)
		}
		return false
	}) && seen == 3 && p.time != nil && p.value != nil
}

func (s *scanner) tags(p *point) bool {
	if len(s.rest) > 0 && s.rest[0] == 'n' {
		return s.word("null")
	}
	var ignored []byte
	return s.object(func(key []byte) bool {
		if field := p.tag(key); field != nil {
			return s.text(field)
		}
		return s.text(&ignored)
	})
}

// object reads an object; member reads the value of a key.
func (s *scanner) object(member func(key []byte) bool) bool {
	if !s.take('{') {
		return false
	}
	if s.take('}') {
		return true
	}
	for {
		var key []byte
		if !s.text(&key) || !s.take(':') || !member(key) {
			return false
		}
		if !s.take(',') {
			return s.take('}')
		}
	}
}

// text reads a string of printable ASCII without escapes.
func (s *scanner) text(into *[]byte) bool {
	if !s.take('"') {
		return false
	}
	for i, c := range s.rest {
		if c == '"' {
			*into, s.rest = s.rest[:i:i], s.rest[i+1:]
			return true
		}
		if c < ' ' || c == '\\' || c > '~' {
			return false
		}
	}
	return false
}

// number reads digits, with a point between them at most.
func (s *scanner) number(into *[]byte) bool {
	whole := s.digits(0)
	if whole == 0 || whole > 1 && s.rest[0] == '0' {
		return false
	}
	end := whole
	if end < len(s.rest) && s.rest[end] == '.' {
		fraction := s.digits(end + 1)
		if fraction == 0 {
			return false
		}
		end += 1 + fraction
	}
	*into, s.rest = s.rest[:end:end], s.rest[end:]
	return true // of what follows, only ',' and '}' are read
}

// digits is how many there are from i on.
func (s *scanner) digits(i int) (n int) {
	for i+n < len(s.rest) && s.rest[i+n]-'0' <= 9 {
		n++
	}
	return n
}

func (s *scanner) take(c byte) bool {
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) word(w string) bool {
	if len(s.rest) < len(w) || string(s.rest[:len(w)]) != w {
		return false
	}
	s.rest = s.rest[len(w):]
	return true
}
