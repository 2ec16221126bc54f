#include "textflag.h"

// func fetch(table *uint64, hashes *uint64, n int, shift uint64)
TEXT ·fetch(SB), NOSPLIT, $0-32
	MOVD table+0(FP), R0
	MOVD hashes+8(FP), R1
	MOVD n+16(FP), R2
	MOVD shift+24(FP), R3
	ADD  R2<<3, R1, R2
	B    test

next:
	MOVD.P 8(R1), R4
	LSR  R3, R4
	ADD  R4<<3, R0, R4
	PRFM (R4), PLDL1KEEP

test:
	CMP R2, R1
	BLO next
	RET
