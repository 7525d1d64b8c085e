import { Ingest } from '../src/services/ingest.ts'; import { Admission } from '../src/services/admission.ts'; import { BatchIngest } from '../src/services/batch.ts';
import { systemClock as clock } from '../src/roles/system-clock.ts'; import { singleReply, batchReply } from '../src/http/reply/ingest-reply.ts'; import { ItemSplitter } from '@pisync/protocol';
const meter={items(){},refused(){},query(){}};
const out: string[]=new Array(1000).fill('stored');
const store={commit: async (g: any)=> g.observations.length===1?['stored']:out.slice(0,g.observations.length)} as any;
const adm=new Admission({device:{perSecond:1e6,burst:1e8},total:{perSecond:1e9,burst:1e9},maxWaitingItems:1e6,maxBufferedBytes:1e9},clock,Math.random,meter);
const ingest=new Ingest(store,clock,adm,meter,{maxItems:10000,maxItemBytes:65536,maxDepth:32,maxBacklogMs:4e10});
const bodies=Array.from({length:2000},(_,n)=>Buffer.from(`{"device_id":"pi-${n*50}","epoch":"e1","seq":${n},"timestamp":"2026-11-20T08:30:00Z","total_files_synced":5,"total_errors":0,"internet_speed":12.5}`));
for(let r=0;r<6;r++){ const t=performance.now(); const c=process.cpuUsage(); let len=0;
 for(let k=0;k<20;k++) for(const b of bodies){ const x=await ingest.one(b,undefined); len+=singleReply('stored',x.observation!,Date.now(),undefined).length }
 const u=process.cpuUsage(c); console.log('single us', ((performance.now()-t)*1000/40000).toFixed(2), 'cpu', ((u.user+u.system)/40000).toFixed(2)); }
const arr=Buffer.from('['+bodies.slice(0,500).map(String).join(',')+']');
for(let r=0;r<6;r++){ const t=performance.now(); const c=process.cpuUsage(); let len=0;let sp=0;
 for(let k=0;k<100;k++){ const b=new BatchIngest(ingest,'x'); const s=new ItemSplitter({format:'auto',maxItems:10000,maxItemBytes:65536,maxDepth:32}); const q=performance.now(); const items=[...s.push(arr),...s.end().items]; sp+=performance.now()-q; await b.add(items); len+=batchReply(await b.finish(),Date.now(),undefined).length }
 const u=process.cpuUsage(c); console.log('batch us/event', ((performance.now()-t)*1000/50000).toFixed(2), 'split', (sp*1000/50000).toFixed(2),'cpu', ((u.user+u.system)/50000).toFixed(2)); }
