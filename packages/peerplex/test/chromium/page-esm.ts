// A page whose bundler put the library into its script.
import * as library from 'peerplex'
import { openDoor } from './page.js'

openDoor(library)
