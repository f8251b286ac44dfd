// What a user of the package gets on Node.
