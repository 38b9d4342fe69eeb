import { openDatabase } from '../tenancy/database.js';
import { LIMITS } from '../services.js';
const T=process.env.T!; 
const db=openDatabase({url:process.env.URL_!,poolSize:10,limits:LIMITS});
const args={take:21,orderBy:[{createdAt:'desc' as const},{id:'desc' as const}],where:{AND:[]}};
const one=()=>db.forTenant({tenantId:T,actor:{type:'user',id:'u1'},requestId:'r1'}).conversation.findMany(args);
const raw=()=>db.query('select 1');
for(let i=0;i<500;i++) await one();
for(let round=0;round<4;round++){ for (const [k,f] of [['findMany',one],['select1',raw]] as const){ const n=2000;const c0=process.cpuUsage();let done=0;const t0=performance.now();await Promise.all(Array.from({length:8},async()=>{while(done<n){done++;await f()}}));const c=process.cpuUsage(c0);console.log(k,'wall',((performance.now()-t0)/n*1000).toFixed(0),'cpu user',(c.user/n).toFixed(0),'sys',(c.system/n).toFixed(0))}}
await db.close();
