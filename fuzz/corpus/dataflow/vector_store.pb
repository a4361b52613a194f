r 
ai.bytesandbrains.compiledv1rR
;ai.bytesandbrains.binding.VectorStore#c2ebebea2721235e.dataDataSource|Loader|0rQ
<ai.bytesandbrains.binding.VectorStore#c2ebebea2721235e.storeIndex|FlatIndex|1Ê¬
VectorStore#c2ebebea2721235e"query*hits:é
queryfound"Search*
k :ai.bytesandbrains.role.indexJ0
 ai.bytesandbrains.required_traitIndexRuntimeJ
ai.bytesandbrains.slot_id1J0
!ai.bytesandbrains.module_instanceVectorStoreJ%
ai.bytesandbrains.home_class@self:Ž
foundhits"PassThrough:ai.bytesandbrains.syscallJ0
!ai.bytesandbrains.module_instanceVectorStoreJ%
ai.bytesandbrains.home_class@selfbZ
queryQ2ai.bytesandbrains.tensor.f32:1
ai.bytesandbrainsai.bytesandbrains.tensor.f32r&
ai.bytesandbrains.module_phasebodyÊä
VectorStore__bootstrap:Òbatchlabels"	NextBatch:"ai.bytesandbrains.role.data_sourceJ5
 ai.bytesandbrains.required_traitDataSourceRuntimeJ
ai.bytesandbrains.slot_id0J;
!ai.bytesandbrains.module_instanceVectorStore__bootstrap:Ä
batchtrained"Train:ai.bytesandbrains.role.indexJ0
 ai.bytesandbrains.required_traitIndexRuntimeJ
ai.bytesandbrains.slot_id1J;
!ai.bytesandbrains.module_instanceVectorStore__bootstrap:€
trained"	AppNotify*
name"trained :ai.bytesandbrains.syscallJ;
!ai.bytesandbrains.module_instanceVectorStore__bootstrapr+
ai.bytesandbrains.module_phase	bootstrap