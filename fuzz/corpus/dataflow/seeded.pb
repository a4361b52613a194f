r 
ai.bytesandbrains.compiledv1ÊÓ
Seeded#2a002826f29c55cd"x*y:ƒ
xv0"PassThrough:ai.bytesandbrains.syscallJ+
!ai.bytesandbrains.module_instanceSeededJ%
ai.bytesandbrains.home_class@self:ƒ
v0y"PassThrough:ai.bytesandbrains.syscallJ+
!ai.bytesandbrains.module_instanceSeededJ%
ai.bytesandbrains.home_class@selfr&
ai.bytesandbrains.module_phasebodyÊÚ
Seeded__bootstrap"seed"weights:x
seed"AppEmit*
name"	boot.seed :ai.bytesandbrains.syscallJ6
!ai.bytesandbrains.module_instanceSeeded__bootstrap:|
weights"
Hold.Stash*
slot"weights :ai.bytesandbrains.syscallJ6
!ai.bytesandbrains.module_instanceSeeded__bootstrap:m
weightsv0"PassThrough:ai.bytesandbrains.syscallJ6
!ai.bytesandbrains.module_instanceSeeded__bootstrap:y
v0"AppEmit*
name"boot.weights :ai.bytesandbrains.syscallJ6
!ai.bytesandbrains.module_instanceSeeded__bootstrapbQ
seedI2ai.bytesandbrains.opaque:-
ai.bytesandbrainsai.bytesandbrains.opaquebT
weightsI2ai.bytesandbrains.opaque:-
ai.bytesandbrainsai.bytesandbrains.opaquer+
ai.bytesandbrains.module_phase	bootstrap