-- Azioni that results propose, that operator and persona agreed, and what came of them.
with

all_assessments as (
    select assessment_id, pseudonym, instrument, version, profile, cast(extract(year from assessed_on) as varchar) as year
    from assessments
),

placed as (select assessment_id, place, is_last_of_year, is_last from int_placed),

all_scores as (select * from scores where level is not null),

all_blocks as (select * from blocks),

all_azioni as (select * from azioni),

definitions as (select * from ref_azioni),

-- Each azione is a bit of a word: what an assessment proposes is a number or two instead of many rows.
places as (
    select azione, cast(floor(place / 62) as integer) as word, cast(1 as bigint) << cast(place % 62 as bigint) as bit
    from (select azione, dense_rank() over (order by azione) - 1 as place from definitions group by azione) as placed
),

reasons as (
    select
        definitions.instrument, definitions.version, definitions.source, definitions.target, definitions.outcome,
        places.word,
        bit_or(places.bit) as bits
    from definitions
    inner join places on places.azione = definitions.azione
    group by
        definitions.instrument, definitions.version, definitions.source, definitions.target, definitions.outcome,
        places.word
),

-- What a report proposes: by the level that counts on each scale, by the class of the profile, by missing minimum conditions.
found as (
    select all_scores.assessment_id, reasons.word, reasons.bits
    from all_scores
    inner join reasons
        on reasons.source = 'level'
        and reasons.instrument = all_scores.instrument
        and reasons.version = all_scores.version
        and reasons.target = all_scores.scale
        and reasons.outcome = all_scores.level
    union all
    select all_assessments.assessment_id, reasons.word, reasons.bits
    from all_assessments
    inner join reasons
        on reasons.source = 'class'
        and reasons.instrument = all_assessments.instrument
        and reasons.version = all_assessments.version
        and reasons.outcome = all_assessments.profile
    union all
    select all_blocks.assessment_id, reasons.word, reasons.bits
    from all_blocks
    inner join all_assessments on all_assessments.assessment_id = all_blocks.assessment_id
    inner join reasons
        on reasons.source = 'block'
        and reasons.instrument = all_blocks.instrument
        and reasons.version = all_assessments.version
        and reasons.outcome = all_blocks.block
),

proposals as (
    select assessment_id, word, bit_or(bits) as bits
    from found
    group by assessment_id, word
),

alike as (
    select
        all_assessments.year,
        all_assessments.instrument,
        proposals.word,
        proposals.bits,
        count(*) as assessments,
        count(*) filter (where placed.is_last_of_year) as people_of_year,
        count(*) filter (where placed.is_last) as people
    from proposals
    inner join all_assessments on all_assessments.assessment_id = proposals.assessment_id
    inner join placed on placed.assessment_id = proposals.assessment_id
    group by all_assessments.year, all_assessments.instrument, proposals.word, proposals.bits
),

proposed as (
    select
        alike.year,
        alike.instrument,
        places.azione,
        sum(alike.assessments) as proposed,
        case when alike.year is null then sum(alike.people) else sum(alike.people_of_year) end as people_proposed
    from alike
    inner join places on places.word = alike.word and (alike.bits & places.bit) <> 0
    group by grouping sets ((alike.year, alike.instrument, places.azione), (alike.instrument, places.azione))
),

-- The catalogue has every azione: one that nothing proposes can be agreed all the same.
agreements as (
    select
        all_assessments.year,
        all_assessments.instrument,
        all_assessments.pseudonym,
        all_azioni.azione,
        all_azioni.outcome,
        coalesce((proposals.bits & places.bit) <> 0, false) as is_proposed,
        lead(all_assessments.year) over (
            partition by all_assessments.instrument, all_assessments.pseudonym, all_azioni.azione order by placed.place
        ) as next_year
    from all_azioni
    inner join all_assessments on all_assessments.assessment_id = all_azioni.assessment_id
    inner join placed on placed.assessment_id = all_azioni.assessment_id
    left join places on places.azione = all_azioni.azione
    left join proposals
        on proposals.assessment_id = all_azioni.assessment_id
        and proposals.word = places.word
),

-- Of whoever agreed on an azione several times the last time counts: in a year, and of all years.
lasts as (
    select
        *,
        next_year is null as is_last,
        next_year is null or next_year <> year as is_last_of_year
    from agreements
),

agreed as (
    select
        year,
        instrument,
        azione,
        count(*) as agreed,
        count(*) filter (where is_proposed) as agreed_as_proposed,
        count(*) filter (where outcome = 'completed') as completed,
        count(*) filter (where outcome = 'under_way') as under_way,
        count(*) filter (where outcome = 'dropped') as dropped,
        count(*) filter (where outcome is null) as not_recorded,
        count(*) filter (where is_last_of_year) as people_of_year,
        count(*) filter (where is_last) as people,
        count(*) filter (where outcome = 'completed' and is_last_of_year) as people_completed_of_year,
        count(*) filter (where outcome = 'completed' and is_last) as people_completed,
        count(*) filter (where outcome = 'under_way' and is_last_of_year) as people_under_way_of_year,
        count(*) filter (where outcome = 'under_way' and is_last) as people_under_way,
        count(*) filter (where outcome = 'dropped' and is_last_of_year) as people_dropped_of_year,
        count(*) filter (where outcome = 'dropped' and is_last) as people_dropped
    from lasts
    group by grouping sets ((year, instrument, azione), (instrument, azione))
),

agreed_people as (
    select
        * exclude (people_of_year, people_completed_of_year, people_under_way_of_year, people_dropped_of_year)
        replace (
            case when year is null then people else people_of_year end as people,
            case when year is null then people_completed else people_completed_of_year end as people_completed,
            case when year is null then people_under_way else people_under_way_of_year end as people_under_way,
            case when year is null then people_dropped else people_dropped_of_year end as people_dropped
        )
    from agreed
),

final as (
    select
        coalesce(proposed.year, agreed.year, 'all') as period,
        coalesce(proposed.instrument, agreed.instrument) as instrument,
        coalesce(proposed.azione, agreed.azione) as azione,
        cast(coalesce(proposed.proposed, 0) as bigint) as proposed,
        cast(coalesce(agreed.agreed, 0) as bigint) as agreed,
        cast(coalesce(agreed.agreed_as_proposed, 0) as bigint) as agreed_as_proposed,
        cast(coalesce(agreed.completed, 0) as bigint) as completed,
        cast(coalesce(agreed.under_way, 0) as bigint) as under_way,
        cast(coalesce(agreed.dropped, 0) as bigint) as dropped,
        cast(coalesce(agreed.not_recorded, 0) as bigint) as not_recorded,
        cast(coalesce(agreed.people, 0) as bigint) as people,
        cast(coalesce(agreed.people_completed, 0) as bigint) as people_completed,
        cast(coalesce(agreed.people_under_way, 0) as bigint) as people_under_way,
        cast(coalesce(agreed.people_dropped, 0) as bigint) as people_dropped,
        cast(coalesce(proposed.people_proposed, 0) as bigint) as people_proposed
    from proposed
    full outer join agreed_people as agreed
        on coalesce(agreed.year, 'all') = coalesce(proposed.year, 'all')
        and agreed.instrument = proposed.instrument
        and agreed.azione = proposed.azione
)

select * from final
order by period, instrument, azione
