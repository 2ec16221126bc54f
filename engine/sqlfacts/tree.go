package sqlfacts

// Kind says what a Node is.
type Kind uint8

// The kinds. A statement's root is one of the first group.
const (
	Other Kind = iota // anything without a kind of its own; Name says what the parser calls it

	// Statements. Args are clauses, in the order of the text.
	Select  // also VALUES and TABLE, which have no From
	Union   // Args: the arms, flattened: a UNION b UNION c has three; Name: "union", "union all", "intersect", "except"
	Insert  // also REPLACE
	Update  //
	Delete  //
	Merge   //
	Copy    // Name: "from" or "to"; Args: Table or a statement; a String names the file, Flag "file", "program" or "stdin"/"stdout"
	Call    // CALL, DO, EXECUTE; Name: the procedure
	Set     // SET, SHOW ... FOR SESSION; Name: the variable; Qualifier: "global", "session", "local"
	Begin   // transaction control; Name: "begin", "commit", "rollback", "savepoint"
	Explain // Args: the statement
	Define  // CREATE, ALTER, DROP, TRUNCATE, RENAME, COMMENT; Name: "create table", "drop role"
	Grant   // GRANT, REVOKE; Name: which
	Show    // SHOW, DESCRIBE; Name: what
	Load    // LOAD DATA, LOAD XML, IMPORT; Flag "local"
	Prepare // PREPARE; Args: the statement, if it is not a variable
	Lock    // LOCK, UNLOCK, FLUSH, KILL, ANALYZE, VACUUM and other maintenance; Name: which

	// Clauses.
	With     // Args: Derived, one a CTE
	Targets  // the select list, the columns of INSERT, the SET of UPDATE (Assign)
	From     // Args: Table, Derived, Join, Func
	Where    //
	Group    //
	Having   //
	Order    //
	Limit    // Args: the limit, the offset
	Values   // Args: Row
	Into     // SELECT INTO; Name: "outfile", "dumpfile", "variable", "table"
	Locking  // FOR UPDATE and friends
	Return   // RETURNING
	Conflict // ON CONFLICT, ON DUPLICATE KEY
	Window   //
	Options  //

	// Relations.
	Table   // Qualifier: schema; Name: table; Alias
	Derived // a sub-query or CTE as a relation; Alias: its name; Args: the statement
	Join    // Name: "inner", "left", "cross", "natural"; Args: left, right, condition

	// Expressions.
	Column   // Qualifier: table or alias; Name: column
	Star     // * or t.*
	Number   // literals: Slot says which of the text's
	String   //
	Null     //
	Bool     // TRUE, FALSE: Name
	Hex      // x'..', 0x.., b'..'
	Param    // $1, ?
	Variable // @x, @@x: Name
	Func     // Name: lower case, without quotes; Qualifier: schema; also CURRENT_USER and the like, with no Args
	Binary   // Name: the operator ("=", "<", "||", "like", "regexp", "in", "between", "is", "and", "or", "xor"); Args: 2 or more
	Unary    // Name: "not", "-", "+", "~", "exists", "any", "all", "binary"
	Case     // Args: operand (or Missing), then When, then ELSE
	When     // Args: condition, result
	Cast     // Name: the type, lower case; Args: the expression
	Query    // a scalar or EXISTS or IN sub-query; Args: the statement
	Row      // (a, b, c), ARRAY[...]: Name "row" or "array"
	Interval //
	Assign   // Name: column; Args: value
	Missing  // an operand that is left out
)

// Node is one part of a statement, the same for all dialects. A tree is
// immutable and may be shared by any number of goroutines.
//
// Names are in lower case unless they were quoted in the text, and never hold a
// literal's value: trees are shared by all texts of one shape, so that values
// are asked of the text (Text.Value), by Slot.
type Node struct {
	Kind            Kind
	Name, Qualifier string
	Alias           string
	Flag            string
	Slot            int // of a literal: its number in the text, from 0; of a Param: its place's (Mark.Place); otherwise -1
	Args            []*Node
}

// Source says how facts came about.
type Source uint8

// The sources.
const (
	Parsed  Source = iota // by the dialect's parser
	Mended                // by the parser, after a known gap in it was worked round
	Scanned               // by the lexer alone: the parser could not
)

// Relation is a table or view that a statement names.
type Relation struct {
	Schema, Name string
	Write        bool
}

// Facts are what a text tells. They are immutable and shared by all texts of
// one shape.
type Facts struct {
	Source Source
	// Why the parser refused the text; for people.
	Why string
	// Statements are the roots of the text's statements.
	Statements []*Node
	// Tables are the relations that the statements name, CTEs left out, each
	// once.
	Tables []Relation
	// Functions are the names of all functions called, each once, lower case.
	Functions []string
	// Marks are what the lexer saw.
	Marks Marks
	// Killer says that the text killed its parser, stalled it or made it panic:
	// nobody writes such a text by chance.
	Killer bool
	// Lexemes is the number of lexemes, Depth the deepest nesting of brackets.
	Lexemes, Depth int
	// Note is what the Analyser's owner made of the facts (Config.Note).
	Note any
}

// Marks are what a text's lexemes tell before any parser sees them.
type Marks uint32

// The marks.
const (
	CommentTail   Marks = 1 << iota // the text ends inside a comment or at one of the kinds -- and #
	CommentSplit                    // a comment stands between two words where a space would do, other than at the beginning or end
	CommentExec                     // a versioned comment that the server runs
	CommentSkip                     // a versioned comment that the server at hand skips
	Unclosed                        // a quote or comment is not closed
	Stacked                         // a semicolon with something behind it
	OddSpace                        // white space other than blank, tab and line ends
	MixedCase                       // key words in mixed case (SeLeCt)
	OddNumber                       // a number glued to a word (1e0union), 1.e, and other spellings that people do not use
	CharBuild                       // CHR, CHAR and 0x literals that build a text
	Oversize                        // longer than the limit: only the beginning was looked at
	BadEncoding                     // bytes that the session's character set does not have
	DoubleEncoded                   // %27, &#39; and the like inside literals
	CommentCut                      // what the comment at the text's end holds is no remark, but nothing or the rest of a statement
	CommentOver                     // a comment in /* */ with something behind it, which begins or ends as the rest of a text in quotes does
)
