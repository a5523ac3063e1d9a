import type { TransportEvents } from '../node/transport.js'
import type { ApplicationHost } from './application.js'
import type { BackPressureHost } from './back-pressure.js'
import type { DeliveryHost } from './delivery-host.js'
import type { EndingHost } from './ending.js'
import type { Events } from './events.js'
import type { HeartbeatHost } from './heartbeat.js'
import type { InboundHost } from './inbound-host.js'

/** Everything that the parts of a connection ask of what is around them. */
export type Hosts<Data> = ApplicationHost<Data> &
  TransportEvents &
  InboundHost &
  DeliveryHost &
  EndingHost &
  HeartbeatHost &
  BackPressureHost &
  Events
