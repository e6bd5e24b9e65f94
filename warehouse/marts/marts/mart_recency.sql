-- People by month of their last assessment: who has not been assessed for long is counted from it, whatever day it is asked on.
with

all_assessments as (select assessment_id, instrument, assessed_on from assessments),

lasts as (select assessment_id from int_placed where is_last),

final as (
    select
        all_assessments.instrument,
        strftime(all_assessments.assessed_on, '%Y-%m') as month,
        cast(count(*) as bigint) as people
    from lasts
    inner join all_assessments on all_assessments.assessment_id = lasts.assessment_id
    group by all_assessments.instrument, strftime(all_assessments.assessed_on, '%Y-%m')
)

select * from final
order by instrument, month
