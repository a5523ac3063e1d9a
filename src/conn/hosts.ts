import type { TransportEvents } from '../node/transport.js'
import type { ApplicationHost } from './application.js'
import type { OutboxHost } from './back-pressure.js'
import type { DeliveryHost, InboundHost } from './delivery-host.js'
import type { EndingHost } from './ending.js'
import type { Events } from './events.js'
import type { HeartbeatHost } from './heartbeat.js'
import type { WatchHost } from './wire-watch.js'

/** What the parts of a connection ask of the one that holds them together. */
export type Hosts<Data> = ApplicationHost<Data> &
  TransportEvents &
  InboundHost &
  DeliveryHost &
  EndingHost &
  HeartbeatHost &
  OutboxHost &
  WatchHost &
  Events
