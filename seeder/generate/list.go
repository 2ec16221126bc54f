package generate

// All returns one generator of every kind. Of two that suit a column equally
// well, the earlier one is taken, so that the more special stand first.
func All() []Generator {
	return []Generator{
		email{},
		apiKey{},
		passwordHash{},
		iban{},
		cardNumber{},
		cardLast4{},
		cardBrand{},
		nationalID{},
		phone{},
		link{},
		ipAddress{},
		firstName{},
		lastName{},
		fullName{},
		company{},
		username{},
		title{},
		role{},
		street{},
		city{},
		postcode{},
		region{},
		dateOfBirth{},
		salary{},
		balance{},
		accountNumber{},
		secret{},
		uuidValue{},
		status{},
		yesNo{},
		moment{},
		code{},
		measure{},
	}
}
