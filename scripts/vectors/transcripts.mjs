export const transcripts = /** @type {{name: string, document: object}[]} */ ([])
