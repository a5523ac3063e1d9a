// fast-check as all tests import it. A run that has a seed, as `npm test` and each round of `npm run fuzz`, draws the same
// cases each time.
import fc from 'fast-check'

const given = process.env.FASTWS_FUZZ_SEED
if (given !== undefined) fc.configureGlobal({ seed: Number(given) | 0 })

export { fc }
