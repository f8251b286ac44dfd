// A page that has the library from a script tag before this one.
import type * as Library from '../../src/browser.js'
import { openDoor } from './page.js'

openDoor((globalThis as unknown as { Peerplex: typeof Library }).Peerplex)
