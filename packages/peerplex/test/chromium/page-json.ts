// A page whose bundler put the library without msgpack into its script.
import * as library from 'peerplex/json'
import { openDoor } from './page.js'

openDoor(library)
