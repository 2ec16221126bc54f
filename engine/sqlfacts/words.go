package sqlfacts

// keyword is a word that the lexer cares about; 0 is any other.
type keyword uint8

const (
	kwNone   keyword = iota
	kwIn             // IN
	kwValues         // VALUES, VALUE
	kwArray
	kwConst // NULL, TRUE, FALSE, DEFAULT: what may stand for a literal in a row
	kwType  // a type whose name a length or precision follows
	kwCharacter
	kwEscape // ESCAPE: parsers want one character
	kwConcat
	kwUescape
	kwClause // key words that an operand follows
	kwWord   // further key words, for MixedCase

	// The lexer acts on these at once.
	kwCharset // CHARSET, NAMES: a literal behind is the name of a character set
	kwSet     // SET: CHARACTER SET is one too
	kwCollate
	kwChr   // CHR, CHAR, NCHAR
	kwChain // words that build ever deeper trees: AND, OR, NOT, JOIN, UNION, ...

	kwActive = kwCharset
)

const wordSlots = 2048

type wordEntry struct {
	w0, w1 uint64
	id     keyword
}

var wordTable [wordSlots]wordEntry

func wordSlot(w0, w1 uint64) uint64 {
	return (w0 ^ w1*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd >> (64 - 11)
}

func addWord(s string, id keyword) {
	b := []byte(s)
	w0 := load(b, 0, min(8, len(b)))
	var w1 uint64
	if len(b) > 8 {
		w1 = folded(load(b, 8, len(b)-8))
	}
	w0 = folded(w0)
	for k := wordSlot(w0, w1); ; k = (k + 1) % wordSlots {
		if e := &wordTable[k]; e.id == kwNone || e.w0 == w0 && e.w1 == w1 {
			*e = wordEntry{w0, w1, id}
			return
		}
	}
}

// lookWord finds a keyword of up to sixteen bytes, folded.
func lookWord(w0, w1 uint64) keyword {
	for k := wordSlot(w0, w1); ; k = (k + 1) % wordSlots {
		e := &wordTable[k]
		if e.id == kwNone {
			return kwNone
		}
		if e.w0 == w0 && e.w1 == w1 {
			return e.id
		}
	}
}

func init() {
	for id, words := range map[keyword][]string{
		kwIn:        {"in"},
		kwValues:    {"values", "value"},
		kwArray:     {"array"},
		kwConst:     {"null", "true", "false", "default"},
		kwCharset:   {"charset", "names"},
		kwSet:       {"set"},
		kwCharacter: {"character"},
		kwCollate:   {"collate"},
		kwEscape:    {"escape"},
		kwChr:       {"chr", "char", "nchar"},
		kwConcat:    {"concat", "concat_ws"},
		kwUescape:   {"uescape"},
		kwType: {
			"int", "integer", "tinyint", "smallint", "mediumint", "bigint", "decimal", "dec", "numeric",
			"fixed", "number", "float", "double", "precision", "real", "bit", "year", "time", "datetime", "timestamp",
			"timestamptz", "timetz", "varchar", "varchar2", "nvarchar", "varbinary", "bpchar", "varbit", "varying",
			"now", "sysdate", "current_timestamp", "localtime", "localtimestamp", "current_time", "curtime",
			"utc_time", "utc_timestamp",
		},
		kwChain: {
			"and", "or", "xor", "not", "join", "union", "except", "intersect", "like", "ilike", "is", "between",
			"div", "mod", "regexp", "rlike", "case", "similar", "isnull", "notnull", "interval", "at", "binary", "when",
			"operator", "prior", "sounds", "member", "overlaps", "straight_join",
		},
		kwClause: {
			"select", "where", "having", "by", "then", "else", "on", "limit", "offset", "distinct",
			"all", "any", "return", "returning", "using", "from",
		},
		kwWord: {
			"insert", "update", "delete", "into", "order", "group", "create", "alter", "drop", "table", "database",
			"schema", "substring", "substr", "ascii", "sleep", "benchmark", "exists", "asc", "desc", "procedure",
			"exec", "execute", "declare", "waitfor", "delay", "truncate", "end", "cast", "convert", "null", "load_file",
			"outfile", "dumpfile", "version", "user", "extractvalue", "updatexml", "pg_sleep", "information_schema",
		},
	} {
		for _, w := range words {
			if id == kwWord && w == "null" {
				continue
			}
			addWord(w, id)
		}
	}
}
